// What the tests of pages share: files of a program that has strange strings, a report of them, a server, and Chromium,
// of whose pages every message, failure and request is counted. TONNAGE_SHOTS=FOLDER keeps pictures of what was seen.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PYTHON = process.env.TONNAGE_PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));
const SHOTS = process.env.TONNAGE_SHOTS;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-dev-shm-usage",
];

/** Why nothing can be tested here; false where it can. */
export const lack = !existsSync(CHROMIUM) ? `no ${CHROMIUM}` : !existsSync(PYTHON) ? `no ${PYTHON}` : false;

const PROGRAM = `
import sys, tonnage
class Session:
    def __init__(self, i):
        self.name, self.data, self.me = f"session-{i}", [i] * 20, self
CACHE = {i: Session(i) for i in range(3000)}
STRANGE = {"n" * 1_000_000: 1, "</script><b>bold</b>": "<img src=x onerror=alert(1)>", "turned \\u202e round": "\\ud800 lone"}
Script = type("</script><script>alert(1)</script>", (), {})
SCRIPTS = [Script() for _ in range(500)]
Turned = type("turned\\u202eround", (), {})
TURNED = [Turned() for _ in range(400)]
Wide = type("wide \\U0001f600", (), {})
WIDES = [Wide() for _ in range(300)]
Long = type("L" * 1_000_000, (), {})
LONGS = [Long() for _ in range(200)]
FLOATS = [float(i) for i in range(20000)]
TEXTS = ["twice " + "x" * int(i) for i in ["99"] * 3000]
tonnage.snapshot(sys.argv[1], force=True)
MORE = {i: Session(i) for i in range(500)}
tonnage.snapshot(sys.argv[2], force=True)
`;

function tonnage(...words) {
  return execFileSync(PYTHON, ["-m", "tonnage", ...words], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** A folder with one.tonnage and two.tonnage, and report.html of both. */
export function makeFiles() {
  const folder = mkdtempSync(join(tmpdir(), "tonnage-web-"));
  const [one, two, report] = ["one.tonnage", "two.tonnage", "report.html"].map((name) => join(folder, name));
  execFileSync(PYTHON, ["-c", PROGRAM, one, two]);
  tonnage("report", one, two, "-o", report);
  return { folder, one, two, report, remove: () => rmSync(folder, { recursive: true }) };
}

/** The report of a file that has samples and no objects. */
export function makeSamples(folder) {
  const [program, file, report] = ["busy.py", "time.tonnage", "time.html"].map((name) => join(folder, name));
  writeFileSync(
    program,
    "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end:\n    sum(range(1000))\n",
  );
  tonnage("sample", "-o", file, program);
  tonnage("report", file, "-o", report);
  return report;
}

const STACKS = `
import sys, time, tonnage
tonnage.trace.start()
tonnage.sample.start("prof", interval=0.002)
strange = {}
exec(compile("def keep(n):\\n    return ['k' * n for _ in range(50)]", "</script><b>strange</b>.py", "exec"), strange)
KEPT = {}
def keep(n):
    KEPT[n] = [strange["keep"](100 + i) for i in range(40)]  # </script><b>\u202eturned</b>
def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(hash(str(i)) for i in range(1000))
for n, path in enumerate(sys.argv[1:]):
    keep(n)
    work(0.3)
    tonnage.snapshot(path, force=True)
`;

/** Three files of one process whose allocations were recorded and whose time was sampled, and report.html of all, with source. */
export function makeStacks() {
  const folder = mkdtempSync(join(tmpdir(), "tonnage-web-"));
  const paths = [1, 2, 3].map((n) => join(folder, `${n}.tonnage`));
  const [program, report] = ["stacks.py", "report.html"].map((name) => join(folder, name));
  writeFileSync(program, STACKS);
  execFileSync(PYTHON, [program, ...paths]);
  tonnage("report", ...paths, "-o", report, "--sources");
  return { folder, program, paths, report, remove: () => rmSync(folder, { recursive: true }) };
}

/** The answer of the command. */
export function asked(verb, ...words) {
  const command = join(PYTHON, "..", "tonnage");
  return JSON.parse(execFileSync(command, [verb, ...words, "--json"], { encoding: "utf8", maxBuffer: 1 << 28 }));
}

/** `tonnage serve` over these; its address. */
export async function serve(...paths) {
  const child = spawn(PYTHON, ["-m", "tonnage", "serve", "--no-open", ...paths], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      if (text.includes("\n")) resolve(text.trim());
    });
    child.on("exit", (code) => reject(new Error(`tonnage serve ended with ${code}`)));
  });
  return { url, stop: () => child.kill("SIGINT") };
}

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** A page of its own profile, and `faults`: messages, failures, and requests to anywhere but `from`. */
export async function open(browser, url, { dark = false, width = 1280, height = 860 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]).catch(() => {});
  const page = await context.newPage();
  const faults = [];
  const origin = new URL(url).origin;
  page.on("console", (message) => faults.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`failed: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const to = request.url();
    if (to.startsWith("data:") || to.startsWith("blob:") || to.split("#")[0] === url.split("#")[0]) return;
    if (origin !== "null" && new URL(to).origin === origin) return;
    faults.push(`request: ${to}`);
  });
  page.faults = faults;
  await page.goto(url);
  await settled(page);
  return page;
}

/** The page that the address names is drawn, and nothing is waited for any more. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const { shown } = document.documentElement.dataset;
    const here = shown === undefined ? !document.querySelector("nav") : shown === location.hash;
    return here && document.querySelector("main") && !document.querySelector(".busy, [aria-busy=true]");
  });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Another page of the viewer: the part of the address behind #. */
export async function visit(page, hash) {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await settled(page);
}

/** Serious faults of accessibility, in words. */
export async function barriers(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}

export async function shot(page, name) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** The cells of a table's rows in sight, by the titles of the columns. */
export async function tableRows(page, label) {
  return page.locator(`[role$=grid][aria-label="${label}"]`).evaluate((table) => {
    const text = (cell) => cell.textContent.trim();
    const titles = [...table.querySelectorAll("[role=columnheader]")].map((cell) => text(cell).replace(/ [▾▴]$/, ""));
    return [...table.querySelectorAll("[role=row]:not(.head)")].map((row) => {
      const cells = {};
      [...row.children].forEach((cell, i) => {
        cells[titles[i] in cells ? `${titles[i]} ${i}` : titles[i]] = text(cell);
      });
      return cells;
    });
  });
}
