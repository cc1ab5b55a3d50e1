// The words of the command: the same numbers stand in tests/cli and come out of lib/view.
import { expect, test } from "vitest";
import { bytes, bytesChange, duration, fact, quoted, share, tenth, time, visible } from "../src/format";

test("bytes are printed as the command prints them", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [1048523, "1023.9 KiB"],
    [1048525, "1.0 MiB"],
    [5452595, "5.2 MiB"],
    [2 ** 40, "1.0 TiB"],
  ];
  for (const [n, text] of cases) expect(bytes(n)).toBe(text);
  expect(bytes(null)).toBe("unknown");
  expect([1536, -1536, 0].map(bytesChange)).toEqual(["+1.5 KiB", "-1.5 KiB", "0 B"]);
});

test("tenths are rounded as C does, also those that lie between two", () => {
  expect([0.25, 0.75, 0.35, 12.34996, 99.95, 100].map(tenth)).toEqual(["0.2", "0.8", "0.3", "12.3", "100.0", "100.0"]);
  expect(share(1, 3)).toBe("33.3");
  expect(share(0, 0)).toBe("-");
});

test("times and durations are those of the facts", () => {
  expect(duration(999)).toBe("999 ns");
  expect(duration(1999)).toBe("1.9 us");
  expect(duration(2_500_000_000)).toBe("2.5 s");
  expect(time(1_700_000_000_999_000_000)).toBe("2023-11-14 22:13:20 UTC");
  expect(time(null)).toBe("unknown");
  expect(fact("status.VmRSS", 2048)).toBe("2.0 KiB");
  expect(fact("capture.pause_ns", 1500)).toBe("1.5 us");
  expect(fact("python.hexversion", 0x030b07f0)).toBe("0x030b07f0");
});

test("what a terminal or a browser would act upon is shown as an escape", () => {
  expect(visible("a\u202eb\x1b\n\ud800c")).toBe("a\\u202eb\\x1b\\n\\ud800c");
  expect(visible("😀 é </script>")).toBe("😀 é </script>");
  expect(visible("x".repeat(1_000_000)).length).toBe(2001);
});

test("a value of a selection is quoted where it must be", () => {
  expect(quoted("app.Session")).toBe("app.Session");
  expect(quoted("a b")).toBe("'a b'");
  expect(quoted("it's")).toBe('"it\'s"');
  expect(quoted("'\"")).toBeNull();
});
