// Tracked says what the command says of classes, snapshots and instances, and is driven by mouse and by keyboard.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { asked, barriers, lack, launch, open, serve, settled, shot, tableRows, visit } from "./harness.mjs";

const PROGRAM = `
import sys, tonnage
class Node:
    def __init__(self, i): self.name, self.items = f"node-{i}", list(range(i))
class Leaf(Node): pass
class Cache:
    def __init__(self): self.kept = []
Evil = type("</script><b>\\u202e", (), {})
tracker, cache, evil = tonnage.Tracker(), Cache(), []
tracker.track_object(cache, name="<img src=x onerror=alert(1)>", resolution_level=2)
tracker.track_class(Node, trace=True, resolution_level=1)
tracker.track_class(Evil)
for step in range(4):
    cache.kept += [(Leaf if i % 3 else Node)(i) for i in range(30)]
    del cache.kept[:5]
    evil.append(Evil())
    tracker.create_snapshot("</script>" if step == 1 else "")
tracker.stats.save(sys.argv[1])
tracker.stats.report(sys.argv[2])
`;

let folder, file, report, browser, served;

before(async () => {
  if (lack) return;
  folder = mkdtempSync(join(tmpdir(), "tonnage-tracked-"));
  [file, report] = ["tracked.tonnage", "tracked.html"].map((name) => join(folder, name));
  const python = process.env.TONNAGE_PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));
  execFileSync(python, ["-c", PROGRAM, file, report]);
  browser = await launch();
  served = await serve(file);
});
after(async () => {
  if (lack) return;
  await browser?.close();
  served?.stop();
  rmSync(folder, { recursive: true });
});

const shown = (text) => text.replace("\u202e", "\\u202e");

for (const [kind, dark, width] of [
  ["report", false, 1280],
  ["report", true, 420],
  ["served", true, 1280],
]) {
  test(`numbers are those of the command, ${kind}, ${width} wide`, { skip: lack }, async () => {
    const told = asked("tracked", file, "--limit", "100");
    const page = await open(browser, kind === "report" ? pathToFileURL(report).href : served.url, { dark, width });
    await visit(page, "#/tracked");
    const classes = await tableRows(page, "Classes");
    assert.deepEqual(
      classes.map((row) => [row.Alive, row.Class]),
      told.classes.map((row) => [String(row.alive), shown(row.class)]),
    );
    const last = told.snapshots[3];
    const parts = await tableRows(page, "What they took");
    assert.deepEqual(
      new Map(parts.map((row) => [row.Class, row.Active])),
      new Map(last.classes.map((row) => [shown(row.class), String(row.count)])),
    );
    const instances = await tableRows(page, "Instances");
    assert.deepEqual(
      instances.slice(0, 10).map((row) => row.Class),
      told.rows.slice(0, 10).map((row) => shown(row.class)),
    );
    await shot(page, `${kind}-${dark ? "dark" : "light"}-${width}-tracked-classes`);
    assert.deepEqual(await barriers(page), []);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test("a class is chosen and its instances opened by keys", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  await page.keyboard.press("7");
  await settled(page);
  const classes = page.getByRole("grid", { name: "Classes", exact: true });
  await classes.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await settled(page);
  const chosen = (await tableRows(page, "Classes"))[0].Class;
  assert.equal(await page.getByLabel("Class", { exact: true }).inputValue(), chosen);
  const rows = await tableRows(page, "Instances");
  assert.ok(rows.length > 5);
  assert.ok(rows.every((row) => row.Class === chosen));
  await page.getByRole("grid", { name: "Instances" }).focus();
  await page.keyboard.press("ArrowDown");
  assert.match(await page.locator(".born").textContent(), /<string>:\d+ /);
  await page.getByRole("treegrid", { name: "Parts" }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  const labels = await page.getByRole("treegrid", { name: "Parts" }).locator("[role=row]").allTextContents();
  assert.ok(
    labels.some((label) => label.includes(".items")),
    labels.join("; "),
  );
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
