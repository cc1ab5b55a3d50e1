// Who made, how it changes and where time goes: the numbers are the command's, and frames are gone to by mouse and by keyboard.
import assert from "node:assert/strict";
import { readFileSync, utimesSync } from "node:fs";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { asked, barriers, lack, launch, makeStacks, open, serve, settled, shot, tableRows, visit } from "./harness.mjs";

let files, browser, served;

before(async () => {
  if (lack) return;
  files = makeStacks();
  browser = await launch();
  served = await serve(...files.paths);
});
after(async () => {
  if (lack) return;
  await browser?.close();
  served?.stop();
  files?.remove();
});

const flame = (...words) => asked("flame", files.paths[2], "--limit", "2000", ...words);
const bytes = (n) =>
  n < 1024
    ? `${n} B`
    : n < 1023.95 * 1024
      ? `${(Math.floor((n / 1024) * 10 + 0.5) / 10).toFixed(1)} KiB`
      : `${(Math.floor((n / 2 ** 20) * 10 + 0.5) / 10).toFixed(1)} MiB`;
const roots = ({ frames, nodes }) =>
  nodes.filter((node) => node.parent === null).map((node) => [frames[node.frame], node]);

for (const [kind, dark, width] of [
  ["report", false, 1280],
  ["report", true, 1280],
  ["report", false, 420],
  ["served", true, 1280],
]) {
  test(`pages of stacks, ${kind}, ${dark ? "dark" : "light"}, ${width} wide`, { skip: lack }, async () => {
    const page = await open(browser, kind === "report" ? pathToFileURL(files.report).href : served.url, {
      dark,
      width,
    });
    for (const hash of [
      "made?file=2",
      "made?file=2&what=peak&invert=1",
      "made?file=2&find=keep",
      "changes?file=2",
      "time?file=2",
      "time?file=2&what=allocated",
    ]) {
      await visit(page, `#/${hash}`);
      await shot(page, `stacks-${kind}-${dark ? "dark" : "light"}-${width}-${hash.replace(/[?&=]/g, "-")}`);
      assert.deepEqual(await page.locator("main .failed").allTextContents(), [], hash);
      assert.deepEqual(await barriers(page), [], hash);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${hash} is ${wide} px wider than the window`);
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test("sums and frames are the command's", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(files.report).href);
  for (const [hash, ...words] of [
    ["what=live"],
    ["what=allocated", "--what", "allocated"],
    ["what=live&invert=1", "--invert"],
    ["what=count&by=line", "--what", "count"],
  ]) {
    await visit(page, `#/made?file=2&${hash}`);
    const told = flame(...words);
    const rows = await tableRows(page, "Frames");
    const first = roots(told);
    assert.equal(rows.length, Math.min(first.length, rows.length));
    const amount = (n) => (told.unit === "blocks" ? String(n) : bytes(n));
    assert.deepEqual(
      rows.slice(0, 5).map((row) => [row.Total, row.Own, row.Count]),
      first.slice(0, 5).map(([, node]) => [amount(node.total), amount(node.own), String(node.count)]),
      hash,
    );
    const all =
      told.unit === "blocks"
        ? `${told.total.count} blocks`
        : `${bytes(told.total.total)} in ${told.total.count} blocks`;
    assert.ok((await page.locator("main").textContent()).includes(all), all);
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a frame is zoomed into by keys and by the mouse, and found by its name", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(files.report).href);
  await visit(page, "#/made?file=2");
  const told = flame();
  const graph = page.getByRole("application");
  const zoom = () => page.evaluate(() => new URLSearchParams(location.hash.split("?")[1]).get("zoom"));
  await graph.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.ok((await page.locator(".told").textContent()).includes(bytes(told.nodes[1].total)));
  await page.keyboard.press("Enter");
  await settled(page);
  assert.equal(await zoom(), "2", "the widest frame below the widest one");
  await page.keyboard.press("Backspace");
  await settled(page);
  assert.equal(await zoom(), "1");
  await page.keyboard.press("0");
  await settled(page);
  assert.equal(await zoom(), null);
  await page.waitForTimeout(300);
  await graph.click({ position: { x: 30, y: 30 } });
  await settled(page);
  assert.equal(await zoom(), "1", "at the left, in the second row");
  await page.getByLabel("Find").fill("keep");
  await settled(page);
  const under = (node) => node.parent !== null && (named(told.nodes[node.parent]) || under(told.nodes[node.parent]));
  const named = (node) => /keep/i.test(told.frames[node.frame].name + told.frames[node.frame].function);
  const sum = told.nodes.filter((node) => named(node) && !under(node)).reduce((total, node) => total + node.total, 0);
  assert.ok((await page.locator(".found").textContent()).includes(bytes(sum)), bytes(sum));
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a strange name is text", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(files.report).href);
  await visit(page, "#/made?file=2");
  await page.getByLabel("Find").fill("</script>");
  await settled(page);
  assert.match(await page.locator(".found").textContent(), /[1-9]\d* frames? with “<\/script>”/);
  assert.equal(await page.locator("main b, main img").count(), 0);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

/** The text of a line of source, as soon as the page shows that one. */
async function source(page, line) {
  const found = page.locator(".source .here").filter({ hasText: new RegExp(`^${line} `) });
  await found.waitFor();
  return found.textContent();
}

test("the line of a frame is shown, those around it on demand", { skip: lack }, async () => {
  const lines = readFileSync(files.program, "utf8").trimEnd().split("\n");
  const { frames, nodes } = flame();
  const place = frames[nodes[1].frame];
  assert.equal(place.file, files.program);
  for (const url of [pathToFileURL(files.report).href, served.url]) {
    const page = await open(browser, url);
    await visit(page, "#/made?file=2");
    await page.getByRole("application").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal((await source(page, place.line)).trim(), `${place.line} ${lines[place.line - 1].trim()}`);
    const more = page.getByRole("button", { name: "Lines around it" });
    if (url === served.url) {
      await more.click();
      const first = Math.max(1, Math.min(place.line - 3, lines.length - 6));
      assert.deepEqual(
        (await page.locator(".source pre").innerText())
          .trimEnd()
          .split("\n")
          .map((line) => line.trim().replace(/^\d+ /, "")),
        lines.slice(first - 1, first + 6).map((line) => line.replace("\u202e", "\\u202e")),
      );
      await shot(page, "stacks-source");
    } else assert.equal(await more.count(), 0);
    assert.deepEqual(await barriers(page), []);
    const strange = lines.findIndex((line) => line.includes("turned")) + 1;
    const row = page.getByRole("grid", { name: "Lines" }).getByRole("row", { name: `stacks.py:${strange}` });
    await row.locator("div").first().click();
    assert.match(await source(page, strange), /# <\/script><b>\\u202eturned<\/b>/);
    assert.equal(await page.locator("main b, main img").count(), 0);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});

test("source that was changed since is not shown", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  utimesSync(files.program, 2e9, 2e9);
  await visit(page, "#/made?file=2");
  await page.getByRole("application").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.querySelector(".source .note"));
  assert.equal(await page.locator(".source .note").textContent(), "No source: changed since the snapshot was taken.");
  utimesSync(files.program, 1e9, 1e9);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a part of all allocations is chosen by keys, and the flame graph is of that", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  await visit(page, "#/changes?file=2");
  await page.getByLabel("From part").focus();
  await page.keyboard.press("End");
  for (let i = 0; i < 40; i++) await page.keyboard.press("ArrowLeft");
  await settled(page);
  const born = await page.evaluate(() => new URLSearchParams(location.hash.split("?")[1]).get("born"));
  const { alive } = asked("timeline", files.paths[2]);
  assert.equal(born, `${alive[alive.length - 41].first}-${alive[alive.length - 1].last}`);
  const told = flame("--born", born);
  assert.ok(
    (await page.locator("main").textContent()).includes(`${bytes(told.total.total)} in ${told.total.count} blocks`),
  );
  const growth = asked("diff", ...files.paths, "--limit", "1000");
  const rows = await tableRows(page, "What grows");
  assert.deepEqual(
    rows.slice(0, 3).map((row) => row.Type),
    growth.rows.slice(0, 3).map((row) => row.type),
  );
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("in a report, too, a tenth of all allocations, or what is between two snapshots", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(files.report).href);
  await visit(page, "#/changes?file=2");
  const { alive } = asked("timeline", files.paths[2]);
  const [step, n] = [Math.ceil(alive.length / 10), alive.length];
  const whole = Math.ceil(n / step) * step; // the last part may be short
  const shown = async (born) => {
    const told = flame("--born", born);
    const words = `${bytes(told.total.total)} in ${told.total.count} blocks`;
    await page.waitForFunction((those) => document.querySelector("main").textContent.includes(those), words);
    assert.deepEqual(await page.locator("main .failed").allTextContents(), [], born);
  };
  const born = () => page.evaluate(() => new URLSearchParams(location.hash.split("?")[1]).get("born"));
  const [from, to] = [page.getByLabel("From part"), page.getByLabel("to part")];
  await from.focus();
  await page.keyboard.press("ArrowRight");
  await settled(page);
  await page.keyboard.press("ArrowRight");
  await settled(page);
  assert.equal(await born(), `${alive[2 * step].first}-${alive[n - 1].last}`);
  await shown(await born());
  await to.focus();
  await page.keyboard.press("ArrowLeft");
  await settled(page);
  assert.equal(await born(), `${alive[2 * step].first}-${alive[whole - step - 1].last}`);
  await shown(await born());
  const bars = await page.locator("svg.ages").boundingBox();
  await page.mouse.move(bars.x + (bars.width * 3.3 * step) / n, bars.y + 20);
  await page.mouse.down();
  await page.mouse.move(bars.x + (bars.width * 5.8 * step) / n, bars.y + 20, { steps: 5 });
  await page.mouse.up();
  await settled(page);
  assert.equal(await born(), `${alive[3 * step].first}-${alive[6 * step - 1].last}`);
  await shown(await born());
  const [one, two] = [0, 1].map((n) => asked("timeline", files.paths[n]).now.births);
  await visit(page, `#/changes?file=2&born=${one + 1}-${two}`);
  await shown(`${one + 1}-${two}`);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("the call graph is the command's; its boxes are chosen and dragged", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(files.report).href, { height: 1400 });
  await visit(page, "#/time?file=2&least=0");
  const told = asked("profile", files.paths[2], "--graph", "--limit", "60");
  const boxes = page.locator(".calls g.node");
  assert.equal(await boxes.count(), told.nodes.length);
  assert.equal(await page.locator(".calls path.edge").count(), told.edges.length);
  await page.getByRole("slider", { name: "Share of all" }).focus();
  await page.keyboard.press("End");
  await settled(page);
  const strong = told.nodes.filter((node) => node.total_pct >= 25);
  assert.equal(await boxes.count(), strong.length);
  const box = boxes.first();
  await box.focus();
  await page.keyboard.press("Enter");
  await settled(page);
  assert.match(await page.locator(".neighbours").textContent(), /Called by/);
  await box.scrollIntoViewIfNeeded();
  const from = await box.boundingBox();
  await page.mouse.move(from.x + 20, from.y + 20);
  await page.mouse.down();
  await page.mouse.move(from.x + 90, from.y + 40, { steps: 4 });
  await page.mouse.up();
  const to = await box.boundingBox();
  assert.ok(Math.abs(to.x - from.x - 70) < 3 && Math.abs(to.y - from.y - 20) < 3, `${to.x - from.x}, ${to.y - from.y}`);
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
