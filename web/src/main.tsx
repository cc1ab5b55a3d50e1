import { render } from "preact";
import { App } from "./app";
import { openSource } from "./source";
import "./style.css";
import { restoreTheme } from "./theme";

async function start(): Promise<void> {
  restoreTheme();
  const root = document.getElementById("app")!;
  try {
    const source = await openSource(document.getElementById("tonnage-data")!.textContent || "{}");
    render(<App source={source} />, root);
  } catch (error) {
    root.textContent = `tonnage: the data of this page cannot be read: ${(error as Error).message}`;
  }
  performance.mark("tonnage-shown");
}

void start();
