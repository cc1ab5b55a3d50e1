import { render } from "preact";
import { App } from "./app";
import { adjust, followLinks } from "./route";
import { openSource, type Source } from "./source";
import "./style.css";
import { restoreTheme } from "./theme";

/** Who opens several files wants to know what changed: the youngest beside the one before it, unless an address says more. */
function compareFirst({ mode, files }: Source): void {
  const n = files.length;
  if (mode === "folder" || n < 2 || location.hash.length > 1) return;
  adjust({ file: n - 1, against: n - 2 });
}

async function start(): Promise<void> {
  restoreTheme();
  followLinks();
  const root = document.getElementById("app")!;
  try {
    const source = await openSource(document.getElementById("tonnage-data")!.textContent || "{}");
    compareFirst(source);
    render(<App source={source} />, root);
  } catch (error) {
    root.textContent = `tonnage: the data of this page cannot be read: ${(error as Error).message}`;
  }
  performance.mark("tonnage-shown");
}

void start();
