// Opens a report as often as is said: when something was painted, when its content was, and the longest frame while its
// largest picture is zoomed. One JSON object on stdout; bench/viewer.py starts this.
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const require = createRequire(fileURLToPath(new URL("../web/package.json", import.meta.url)));
const { chromium } = require("playwright-core");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--no-first-run", "--disable-dev-shm-usage"];
const [path, rounds] = process.argv.slice(2);
const url = pathToFileURL(path).href;
const found = { paint_ms: [], shown_ms: [], frame_ms: [] };

/** Milliseconds between two frames, the longest, while the picture is zoomed in and out again. */
async function longestFrame(page) {
  await page.goto(`${url}#/keeps`);
  await page.waitForSelector("main canvas, main svg, main .treemap, main table");
  await page.evaluate(() => {
    window.longest = 0;
    let before = performance.now();
    const next = (now) => {
      window.longest = Math.max(window.longest, now - before);
      before = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame((now) => { before = now; requestAnimationFrame(next); });
  });
  const box = await page.locator("main canvas, main svg, main .treemap, main table").first().boundingBox();
  for (let i = 0; i < 10; i++) {
    await page.mouse.move(box.x + box.width * (0.2 + 0.06 * i), box.y + Math.min(box.height, 500) / 2);
    await page.mouse.down();
    await page.mouse.up();
    await page.waitForTimeout(100);
    if (i % 3 === 2) await page.goBack();
  }
  return page.evaluate(() => window.longest);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
for (let i = 0; i < Number(rounds); i++) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 860 } })).newPage();
  await page.goto(url);
  await page.waitForFunction(() => performance.getEntriesByName("tonnage-shown").length > 0);
  const [paint, shown] = await page.evaluate(() => [
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? performance.now(),
    performance.getEntriesByName("tonnage-shown")[0].startTime,
  ]);
  found.paint_ms.push(paint);
  found.shown_ms.push(shown);
  found.frame_ms.push(await longestFrame(page));
  await page.context().close();
}
await browser.close();
console.log(JSON.stringify(found));
