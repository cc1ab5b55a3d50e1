// Every page, of a report and served, light and dark, wide and narrow: no message, no request, no serious barrier.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { asked, barriers, lack, launch, makeFiles, open, serve, settled, shot, visit } from "./harness.mjs";

const PAGES = [
  "overview",
  "what",
  "what?by=via",
  "what?file=1&against=0",
  "what?list=objects",
  "keeps",
  "made",
  "changes?file=1&against=0",
  "time",
  "tracked",
  "waste",
  "object",
];
let files, browser, served, index;

before(async () => {
  if (lack) return;
  files = makeFiles();
  browser = await launch();
  served = await serve(files.one, files.two);
  index = await serve(files.folder);
});
after(async () => {
  if (lack) return;
  await browser?.close();
  served?.stop();
  index?.stop();
  files?.remove();
});

const name = (hash) => hash.replace(/[?&=]/g, "-");

for (const [kind, dark, width] of [
  ["report", false, 1280],
  ["report", true, 1280],
  ["report", false, 420],
  ["served", false, 1280],
]) {
  test(`all pages, ${kind}, ${dark ? "dark" : "light"}, ${width} wide`, { skip: lack }, async () => {
    const page = await open(browser, kind === "report" ? pathToFileURL(files.report).href : served.url, {
      dark,
      width,
    });
    const { example } = exampleObject();
    for (const hash of PAGES) {
      await visit(page, hash === "object" ? `#/object?object=${example}` : `#/${hash}`);
      await shot(page, `${kind}-${dark ? "dark" : "light"}-${width}-${name(hash)}`);
      assert.deepEqual(await page.locator("main .failed").allTextContents(), [], hash);
      assert.deepEqual(await barriers(page), [], hash);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${hash} is ${wide} px wider than the window`);
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

function exampleObject() {
  return { example: asked("largest", files.one, "--limit", "1").rows[0].address };
}

test("the pages are gone to by keys, and the keys are listed", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(files.report).href);
  for (const [key, title] of [
    ["2", "What"],
    ["3", "Who keeps"],
    ["8", "Waste"],
    ["1", "Overview"],
  ]) {
    await page.keyboard.press(key);
    await settled(page);
    assert.equal(await page.locator("h1").textContent(), title);
    assert.equal(await page.locator("nav a[aria-current=page]").textContent(), title);
  }
  await page.keyboard.press("?");
  assert.match(await page.getByRole("dialog").textContent(), /Where time goes/);
  assert.deepEqual(await barriers(page), []);
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "where");
  await page.keyboard.type("?2");
  assert.equal(await page.locator("#where").inputValue(), "?2", "keys are letters where one types");
  assert.deepEqual(page.faults, []);
});

test("light and dark are switched, and kept", { skip: lack }, async () => {
  const page = await open(browser, pathToFileURL(files.report).href, { dark: true });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.keyboard.press("t");
  const light = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  await settled(page);
  assert.equal(await ground(), light);
  assert.deepEqual(await barriers(page), []);
});

test("the folder's index opens files, and compares them", { skip: lack }, async () => {
  const page = await open(browser, index.url);
  assert.equal(await page.locator("h1").textContent(), "Files");
  assert.deepEqual(await barriers(page), []);
  await shot(page, "folder");
  for (const file of ["one.tonnage", "two.tonnage"]) await page.getByLabel(`Compare ${file}`).check();
  await page.getByRole("button", { name: "Compare 2 files" }).click();
  await page.waitForSelector("#against");
  await settled(page);
  assert.equal(await page.locator("#file option").count(), 2);
  await page.getByRole("link", { name: "All files" }).click();
  await page.waitForSelector("h1:has-text('Files')");
  await page.getByRole("link", { name: "one.tonnage" }).click();
  await page.waitForSelector("nav");
  await settled(page);
  assert.match(await page.locator(".files").textContent(), /one\.tonnage/);
  assert.deepEqual(page.faults, []);
});

test("in a frame without rights, as a notebook has it, pages are gone to", { skip: lack }, async () => {
  const text = readFileSync(files.report, "utf8").replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const around = join(files.folder, "notebook.html");
  writeFileSync(
    around,
    `<!doctype html><main></main><iframe sandbox="allow-scripts" width="900" height="700" srcdoc="${text}"></iframe>`,
  );
  const page = await open(browser, pathToFileURL(around).href);
  const frame = page.frameLocator("iframe");
  await frame.getByRole("link", { name: "Waste" }).click();
  await frame.locator("h1", { hasText: "Waste" }).waitFor();
  await frame.locator("#against").selectOption("");
  await frame.getByRole("link", { name: "What", exact: true }).click();
  await frame.getByRole("grid", { name: "Groups by type" }).waitFor();
  assert.deepEqual(page.faults, []);
});
