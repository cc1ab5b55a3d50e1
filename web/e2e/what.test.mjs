// What, Overview and Waste say what the command says, and are driven by mouse and by keyboard.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { asked, lack, launch, makeFiles, makeSamples, open, serve, settled, tableRows, visit } from "./harness.mjs";

let files, browser, served;

before(async () => {
  if (lack) return;
  files = makeFiles();
  browser = await launch();
  served = await serve(files.one, files.two);
});
after(async () => {
  if (lack) return;
  await browser?.close();
  served?.stop();
  files?.remove();
});

const report = () => open(browser, pathToFileURL(files.report).href);

test("groups have the numbers of the command, in a report and served", { skip: lack }, async () => {
  for (const [page, kinds] of [
    [await report(), ["type", "via"]],
    [await open(browser, served.url), ["type", "rcs", "path"]],
  ]) {
    for (const by of kinds) {
      const told = asked("groups", files.one, "--by", by, "--limit", "1000");
      await visit(page, `#/what?by=${by}`);
      const rows = await tableRows(page, `Groups by ${by}`);
      assert.ok(rows.length >= 15);
      rows.forEach((row, i) => {
        assert.equal(row.Count, String(told.rows[i].count));
        assert.equal(row["% 4"], told.rows[i].size_pct.toFixed(1));
      });
      assert.match(
        await page.locator("main p").nth(1).textContent(),
        new RegExp(`^${told.total.count} objects, .*in ${told.groups} groups`),
      );
    }
    assert.deepEqual(page.faults, []);
  }
});

test("a heading sorts, a part of a name filters, and both are in the address", { skip: lack }, async () => {
  const page = await report();
  await visit(page, "#/what");
  await page.getByRole("button", { name: "Count" }).click();
  const counts = (await tableRows(page, "Groups by type")).map((row) => Number(row.Count));
  assert.deepEqual(
    counts,
    [...counts].sort((a, b) => b - a),
  );
  await page.getByRole("button", { name: "Count" }).click();
  const again = (await tableRows(page, "Groups by type")).map((row) => Number(row.Count));
  assert.deepEqual(
    again,
    [...again].sort((a, b) => a - b),
  );
  await page.getByPlaceholder("part of the name").fill("sess");
  await settled(page);
  assert.deepEqual(
    (await tableRows(page, "Groups by type")).map((row) => row.Type),
    ["__main__.Session"],
  );
  assert.match(page.url(), /name=sess/);
  await page.goBack();
  await settled(page);
  assert.equal(await page.locator("h1").textContent(), "Overview", "letters are no steps on the way back");
  assert.deepEqual(page.faults, []);
});

test("by keys alone from a group to its objects, and back", { skip: lack }, async () => {
  const page = await report();
  const told = asked("groups", files.one, "--limit", "3");
  await visit(page, "#/what");
  await page.getByRole("grid", { name: "Groups by type" }).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.locator("[aria-selected=true]").getAttribute("aria-rowindex"), "3");
  await page.keyboard.press("Enter");
  await page.waitForURL(/list=objects/);
  await settled(page);
  const second = told.rows[1];
  assert.match(page.url(), new RegExp(`type%3A${second.kind}`));
  assert.match(await page.locator("main").textContent(), new RegExp(`${second.count} objects`));
  const objects = asked("largest", files.one, "--where", `type:${second.kind}`, "--limit", "5");
  const rows = await tableRows(page, "Objects");
  assert.deepEqual(
    rows.slice(0, 5).map((row) => row.Address),
    objects.rows.map((row) => row.address),
  );
  await page.goBack();
  await settled(page);
  assert.equal(await page.getByRole("grid", { name: "Groups by type" }).count(), 1);
  await page.keyboard.press("End");
  assert.deepEqual(page.faults, []);
});

test("a group that words do not name is opened by its number", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  const told = asked("groups", files.one, "--by", "via", "--limit", "5");
  await visit(page, "#/what?by=via");
  await page.getByRole("grid", { name: "Groups by via" }).locator("[role=row]").nth(2).getByRole("link").last().click();
  await page.waitForURL(/group=via%3A1/);
  await settled(page);
  assert.match(await page.locator("main").textContent(), new RegExp(`${told.rows[1].count} objects?,`));
  assert.deepEqual(page.faults, []);
});

test("two files stand side by side as diff has them", { skip: lack }, async () => {
  const page = await report();
  const told = asked("diff", files.one, files.two, "--limit", "1000");
  assert.equal(
    await page.locator("main h2").first().textContent(),
    "What grew",
    "of several files the youngest, against the one before",
  );
  await page.keyboard.press("2");
  await settled(page);
  const rows = await tableRows(page, "Changes");
  assert.equal(rows.length, told.rows.length);
  rows.forEach((row, i) => {
    assert.equal(row.New, String(told.rows[i].new));
    assert.equal(row["Count before"], String(told.rows[i].old_count));
    assert.equal(Number(row.Change), told.rows[i].count_change);
  });
  await page.locator("#against").selectOption("");
  await settled(page);
  assert.equal(await page.getByRole("grid", { name: "Groups by type" }).count(), 1);
  assert.match(page.url(), /file=1/);
  assert.deepEqual(page.faults, []);
});

test("the selection is that of --where; a wrong one is told in a line", { skip: lack }, async () => {
  const page = await open(browser, served.url);
  await visit(page, "#/what?file=0");
  await page.keyboard.press("/");
  await page.keyboard.type("type:float size:>=16");
  await page.keyboard.press("Enter");
  await page.waitForURL(/where=/);
  await settled(page);
  const told = asked("groups", files.one, "--where", "type:float size:>=16");
  assert.match(await page.locator("main").textContent(), new RegExp(`${told.total.count} objects`));
  await visit(page, "#/what?where=colour:red");
  assert.match(await page.locator(".failed").textContent(), /colour/);
  const wrong = page.faults.filter((fault) => !fault.includes("400"));
  assert.deepEqual(wrong, []);
});

test("what a report does not hold is said, and nothing breaks", { skip: lack }, async () => {
  const page = await report();
  await visit(page, "#/what?where=len:%3E3");
  const told = await page.locator(".failed").textContent();
  assert.match(told, /answers it, or tells what is wrong with it: tonnage serve FILE/);
  await visit(page, "#/what?where=len:(");
  assert.equal(await page.locator(".failed").textContent(), told, "no report knows what makes sense");
  await page.getByRole("button", { name: "Show it without the selection" }).click();
  await settled(page);
  assert.equal(await page.getByRole("grid", { name: "Groups by type" }).count(), 1);
  assert.deepEqual(page.faults, []);
});

test("strange names are text: no tag, no turned line, no page of a megabyte", { skip: lack }, async () => {
  const page = await report();
  await visit(page, "#/what");
  const types = (await tableRows(page, "Groups by type")).map((row) => row.Type);
  assert.ok(types.includes("__main__.</script><script>alert(1)</script>"));
  assert.ok(types.includes("__main__.turned\\u202eround"));
  assert.ok(types.includes("__main__.wide \u{1f600}"));
  assert.ok(types.some((type) => type.startsWith("__main__.LLLL") && type.length < 500));
  assert.equal(await page.locator("main b, main img, main script").count(), 0);
  assert.deepEqual(page.faults, []);
});

test("the overview has the sentences, the ledger and the pause of the command", { skip: lack }, async () => {
  const page = await report();
  const told = asked("suspects", files.one, "--limit", "0"),
    summary = asked("summary", files.one);
  await visit(page, "#/overview");
  const sentences = await page.locator(".sentences li > p:first-child").allTextContents();
  assert.deepEqual(
    sentences,
    [...told.rows, ...told.findings].map((row) => row.text),
  );
  const notes = await page.locator(".sentences p.note").allTextContents();
  assert.deepEqual(notes, told.rows.map((row) => row.further).filter(Boolean));
  const ledger = await page.locator(".waterfall tbody tr").count();
  assert.equal(ledger, summary.ledger.filter((row) => row.name !== "overcounted" || row.bytes).length);
  assert.match(await page.locator(".good").textContent(), /All self-checks .* whole/);
  await page.getByText("facts about the process").click();
  assert.equal(
    await page.getByRole("grid", { name: "Facts" }).getAttribute("aria-rowcount"),
    String(Object.keys(summary.info.facts).length + 1),
  );
  await page
    .getByRole("button", { name: /Copy the path/ })
    .first()
    .click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), told.rows[0].path);
  assert.deepEqual(page.faults, []);
});

test("waste is told in the words of the command, in the order asked for", { skip: lack }, async () => {
  const page = await report();
  const told = asked("waste", files.one, "--limit", "0", "--sort", "count");
  await visit(page, "#/waste");
  await page.locator("#sort").selectOption("count");
  await settled(page);
  const first = await page.locator(".sentences li > p:first-child").allTextContents();
  const notes = await page.locator(".sentences p.note").allTextContents();
  assert.deepEqual(notes, told.rows.map((row) => row.further).filter(Boolean));
  assert.deepEqual(
    first.map((text) => text.replace(/^(Warning|Note|Perhaps) /, "")),
    told.rows.map((row) => row.text),
  );
  assert.deepEqual(page.faults, []);
});

test("a file of samples alone has an overview, and says what it lacks", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(makeSamples(files.folder)).href);
  assert.match(await page.locator("main").textContent(), /facts about the process/);
  assert.equal(await page.locator("main .failed").count(), 0);
  await visit(page, "#/what");
  assert.match(await page.locator("main").textContent(), /no objects/);
  assert.deepEqual(page.faults, []);
});
