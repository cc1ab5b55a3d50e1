// Who keeps, and an object: numbers are the command's, and all can be done by mouse and by keys.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { asked, barriers, lack, launch, makeFiles, open, serve, settled, shot, visit } from "./harness.mjs";

let files, browser, served, report, tree, cache;

before(async () => {
  if (lack) return;
  files = makeFiles();
  browser = await launch();
  served = await serve(files.one, files.two);
  report = pathToFileURL(files.report).href;
  tree = asked("treemap", files.one, "--limit", "1000").rows;
  cache = tree.find((row) => row.held_by === "['CACHE']");
});
after(async () => {
  if (lack) return;
  await browser?.close();
  served?.stop();
  files?.remove();
});

/** Rows of a tree in sight: the level, and the texts of the cells. */
function treeRows(page, label) {
  return page
    .getByRole("treegrid", { name: label })
    .evaluate((table) =>
      [...table.querySelectorAll("[role=row]:not(.head)")].map((row) => [
        Number(row.ariaLevel),
        ...[...row.children].map((cell) => cell.textContent.replace(/^[▸▾]/, "").trim()),
      ]),
    );
}

const told = (page) => page.locator(".treemap .told").textContent();

test("the table under the boxes has the command's numbers", { skip: lack }, async () => {
  for (const url of [report, served.url]) {
    const page = await open(browser, url);
    await visit(page, "#/keeps");
    const tops = tree.filter((row) => row.depth === 0);
    const shown = await treeRows(page, "What hangs from it");
    assert.deepEqual(
      shown.slice(0, 10).map(([level, type, , pct]) => [level, type, pct]),
      tops.slice(0, 10).map((row) => [1, row.type.slice(0, 400), row.retained_pct.toFixed(1)]),
    );
    assert.match(
      await page.locator("main").textContent(),
      new RegExp(`retain ${asked("summary", files.one).total.count} objects`),
    );
    await page.context().close();
  }
});

test("boxes are gone into and out of by keys", { skip: lack }, async () => {
  const page = await open(browser, report);
  await visit(page, "#/keeps");
  await page.locator(".treemap .boxes").focus();
  await page.keyboard.press("ArrowDown");
  assert.match(await told(page), /^dict module __main__ · retains /);
  await page.keyboard.press("ArrowDown");
  const first = await told(page);
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await told(page), first);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await settled(page);
  const inside = tree.filter((row) => row.depth === 1)[0];
  assert.equal(
    new URLSearchParams((await page.evaluate(() => location.hash)).split("?")[1]).get("object"),
    inside.address,
  );
  assert.match(await page.locator(".crumbs").textContent(), /all objectsdict module __main__/);
  await page.locator(".treemap .boxes").focus();
  await page.keyboard.press("Escape");
  await settled(page);
  assert.match(await page.locator(".crumbs strong").textContent(), /module __main__/);
  await shot(page, "keeps-inside");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a click into a box shows what is in it, and the way back", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  await visit(page, "#/keeps");
  const canvas = page.locator(".treemap canvas");
  await canvas.hover({ position: { x: 300, y: 26 } }); // the head of the largest box
  assert.match(await told(page), /^dict module __main__ · retains /);
  await canvas.click({ position: { x: 300, y: 26 } });
  await settled(page);
  assert.match(await page.locator(".crumbs strong").textContent(), /module __main__/);
  await page.waitForTimeout(400); // the boxes have grown
  await shot(page, "keeps-zoomed");
  await page.locator(".crumbs a").first().click();
  await settled(page);
  assert.equal(await page.locator(".crumbs strong").textContent(), "all objects");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("rows of the tree open to what hangs from them, and to what was left out", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  await visit(page, `#/keeps?object=${cache.address}`);
  const table = page.getByRole("treegrid", { name: "What hangs from it" });
  const all = asked("dominators", files.one, cache.address, "--limit", "0");
  await table.focus();
  await page.keyboard.press("End");
  const before = Number(await table.getAttribute("aria-rowcount"));
  const last = (await treeRows(page, "What hangs from it")).at(-1);
  assert.match(last[1], /^\d+ more$/);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(
    (n) => Number(document.querySelector("[role=treegrid]").getAttribute("aria-rowcount")) > n,
    before,
  );
  const rows = Number(await table.getAttribute("aria-rowcount"));
  assert.equal(rows - 1 - 1, all.rows.length, "all of them, the row that says how many more, and the head");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("what no other object keeps is parted by kinds", { skip: lack }, async () => {
  const page = await open(browser, report);
  await visit(page, "#/keeps");
  await page.locator("#by").selectOption("module");
  await settled(page);
  const { rows } = asked("dominators", files.one, "--by", "module");
  const shown = await page
    .getByRole("grid", { name: "Retained by module" })
    .evaluate((table) =>
      [...table.querySelectorAll("[role=row]:not(.head)")].slice(0, 5).map((row) => row.lastElementChild.textContent),
    );
  assert.deepEqual(
    shown,
    rows.slice(0, 5).map((row) => row.module),
  );
  await shot(page, "keeps-by-module");
  assert.deepEqual(await barriers(page), []);
  await page.context().close();
});

test("a page of an object says what the command says, and its path can be copied", { skip: lack }, async () => {
  for (const url of [report, served.url]) {
    const page = await open(browser, url);
    await visit(page, `#/object?object=${cache.address}`);
    const text = await page.locator("main").textContent();
    const shown = asked("show", files.one, cache.address);
    const why = asked("why", files.one, cache.address);
    assert.ok(text.includes(`total${(shown.object.size / 1024).toFixed(1)} KiB`));
    assert.ok(text.includes(`${cache.count} objects`));
    assert.equal(await page.locator(".said").first().textContent(), why.text);
    const [path] = asked("paths", files.one, cache.address).rows;
    await page.getByRole("button", { name: "Copy the path" }).first().click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()).catch(() => path.path), path.path);
    assert.match(path.path, /CACHE/);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});

test("references open step by step, further ones by the row that counts them", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  await visit(page, `#/object?object=${cache.address}`);
  const { references } = asked("show", files.one, cache.address);
  const table = page.getByRole("treegrid", { name: "What it refers to" });
  assert.deepEqual((await treeRows(page, "What it refers to"))[0].slice(0, 3), [
    1,
    references.rows[0].label,
    references.rows[0].type,
  ]);
  await table.focus();
  await page.keyboard.press("End");
  await page.waitForFunction(
    (words) =>
      [...document.querySelectorAll("[role=treegrid] [role=row]")].some((row) => row.textContent.includes(words)),
    `${references.count - 50} more`,
  );
  assert.match((await treeRows(page, "What it refers to")).at(-1)[1], new RegExp(`^${references.count - 50} more`));
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() =>
    [...document.querySelectorAll("[role=treegrid]")].some((one) => Number(one.getAttribute("aria-rowcount")) > 100),
  );
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => [...document.querySelectorAll("[role=treegrid] [aria-level='2']")].length > 0);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("the picture of references grows by mouse and by keys", { skip: lack }, async () => {
  for (const dark of [false, true]) {
    const page = await open(browser, served.url, { dark });
    await visit(page, `#/object?object=${cache.address}`);
    const spots = page.locator(".graph .spot"),
      more = page.getByRole("button", { name: /^Show more \(\d+\) of what it refers to/ });
    await page.waitForFunction(() => document.querySelectorAll(".graph .spot").length > 6);
    const before = await spots.count();
    await more.first().click();
    await page.waitForFunction((n) => document.querySelectorAll(".graph .spot").length > n, before);
    const after = await spots.count();
    await page
      .getByRole("button", { name: /^Show who refers to it: int/ })
      .first()
      .focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction((n) => document.querySelectorAll(".graph .spot").length > n, after);
    await page.locator(".graph").scrollIntoViewIfNeeded();
    await shot(page, `object-graph-${dark ? "dark" : "light"}`);
    assert.deepEqual(await barriers(page), []);
    await page
      .getByRole("link", { name: /Session/ })
      .first()
      .click();
    await settled(page);
    assert.match(await page.locator(".named").textContent(), /Session/);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});

test("strange names are shown as text", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  for (const type of ["</script><script>alert", "LLLLLLLL"]) {
    const row = asked("largest", files.one, "--limit", "0").rows.find((one) => one.type.includes(type));
    await visit(page, `#/object?object=${row.address}`);
    assert.ok((await page.locator(".named strong").textContent()).includes(type));
    await visit(page, `#/keeps?object=${row.address}`);
    assert.ok((await page.locator("main").textContent()).includes(type));
    assert.deepEqual(await barriers(page), []);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("while it is not known what hangs from an object, the page says that it reads", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  const row = asked("largest", files.one, "--limit", "0").rows.find((one) => one.type.includes("LLLLLLLL"));
  await visit(page, "#/keeps");
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await page.route(/treemap\?.*object=/, async (route) => {
    await held;
    await route.continue();
  });
  await page.evaluate((to) => (location.hash = to), `#/keeps?object=${row.address}`);
  await page.waitForFunction(() => document.documentElement.dataset.shown === location.hash);
  assert.equal(await page.locator("main .busy, main [aria-busy=true]").count(), 1);
  answer();
  await settled(page);
  assert.ok((await page.locator("main").textContent()).includes("LLLLLLLL"));
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("an object that the report does not hold is said, and nothing breaks", { skip: lack }, async () => {
  const page = await open(browser, report);
  const row = asked("largest", files.one, "--limit", "0", "--sort", "-size").rows[0];
  for (const hash of [`#/object?object=${row.address}`, `#/keeps?object=${row.address}`]) {
    await visit(page, hash);
    assert.match(await page.locator("main .failed").first().textContent(), /tonnage serve/);
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
