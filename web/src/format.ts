// Numbers and texts in the words of the command (lib/view/bytes.c, table.c, factlist.c): the same characters on both.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return "unknown";
  if (n < 0) return "-" + bytes(-n);
  if (n < 1024) return `${n} B`;
  let value = n,
    unit = 0;
  while (unit < 6 && value >= 1023.95) {
    value /= 1024;
    unit++;
  }
  const tenths = Math.floor(value * 10 + 0.5);
  return `${Math.floor(tenths / 10)}.${tenths % 10} ${UNITS[unit]}`;
}

export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? "unknown" : String(n);
}

/** +1.5 MiB, -3 B, 0 B */
export function bytesChange(n: number | null | undefined): string {
  return n ? (n > 0 ? "+" : "") + bytes(n) : bytes(n);
}

export function countChange(n: number | null | undefined): string {
  return n ? (n > 0 ? "+" : "") + count(n) : count(n);
}

/** One digit behind the point, as C prints it: what lies exactly between two goes to the even one. */
export function tenth(x: number): string {
  const doubled = x * 20;
  if (Number.isInteger(doubled) && doubled % 2 !== 0 && doubled / 20 === x && (x * 4) % 1 === 0) {
    const below = Math.floor(x * 10);
    return ((below % 2 === 0 ? below : below + 1) / 10).toFixed(1);
  }
  return x.toFixed(1);
}

/** A share in percent, without the sign; "-" of nothing. */
export function share(part: number, whole: number): string {
  return whole ? tenth(100 * (part / whole)) : "-";
}

export function pct(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : tenth(value);
}

export function duration(ns: number | null | undefined): string {
  if (ns === null || ns === undefined) return "unknown";
  const units: [number, string][] = [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "us"],
  ];
  for (const [unit, name] of units) {
    if (ns >= unit) {
      const tenths = Math.floor(ns / (unit / 10));
      return `${Math.floor(tenths / 10)}.${tenths % 10} ${name}`;
    }
  }
  return `${ns} ns`;
}

/** 2026-03-01 12:00:00 UTC */
export function time(wallNs: number | null | undefined): string {
  const date = new Date(Math.floor((wallNs ?? NaN) / 1e9) * 1000);
  return Number.isNaN(date.getTime()) ? "unknown" : date.toISOString().slice(0, 19).replace("T", " ") + " UTC";
}

export function plural(n: number, one: string, many = one + "s"): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** The value of a fact, by the end of its name. */
export function fact(key: string, value: number | string): string {
  if (typeof value === "string") return value;
  if (!Number.isInteger(value)) return String(value);
  if (value >= 0) {
    if (key.endsWith("bytes") || key.startsWith("status.")) return bytes(value);
    if (/(wall_time_ns|start_time_ns|started_wall_ns)$/.test(key)) return time(value);
    if (key.endsWith("_ns")) return duration(value);
    if (key.endsWith("hexversion")) return "0x" + value.toString(16).padStart(8, "0");
  }
  return String(value);
}

const CONTROLS = /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Controls, and what turns the direction of a text, as escapes; of a long text the beginning. */
export function visible(text: string, most = 2000): string {
  const shown = text.length > most ? text.slice(0, most) + "…" : text;
  return shown.replace(CONTROLS, escaped).replace(LONE, escaped);
}

/** The same of a text of several lines. */
export function visibleLines(text: string, most = 6000): string {
  return text
    .split("\n")
    .map((line) => visible(line, most))
    .join("\n")
    .slice(0, most);
}

function escaped(c: string): string {
  const known: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };
  const code = c.charCodeAt(0);
  return (
    known[c] ?? (code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0"))
  );
}

/** A value of the selection language: quoted where it must be; null where it cannot be written. */
export function quoted(value: string): string | null {
  if (!/[\s"'()]/.test(value) && value !== "") return value;
  if (!value.includes("'")) return `'${value}'`;
  return value.includes('"') ? null : `"${value}"`;
}
