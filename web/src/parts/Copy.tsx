// A text to be taken along: a path, a command, an address.
import { useState } from "preact/hooks";
import { visible } from "../format";

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // not allowed in a frame, or by an old browser
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** The text with a button that copies all of it, however much of it is shown. */
export function Copy({ text, what = "Copy" }: { text: string; what?: string }) {
  const [done, setDone] = useState(false);
  const run = () =>
    void copy(text).then(() => {
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    });
  return (
    <span class="copy">
      <code>{visible(text, 600)}</code>
      <button type="button" onClick={run} aria-label={`${what}: ${visible(text, 80)}`}>
        {done ? "Copied" : "Copy"}
      </button>
    </span>
  );
}
