// The one selection, in the language of --where. It stands in the URL and goes along from page to page.
import { useEffect, useRef, useState } from "preact/hooks";
import { useKey } from "../keys";
import { change, useRoute } from "../route";

const WORDS = [
  "type:",
  "module:",
  "dist:",
  "size:>=",
  "len:>=",
  "refcount:",
  "flag:",
  "text:",
  "address:",
  "retained:>=",
  "root:",
  "dominated-by:",
  "site:",
  "is:new",
];

export function Search() {
  const { where = "" } = useRoute().params;
  const [text, setText] = useState(where);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(where), [where]);
  useKey("/", "to the selection", () => input.current?.select());
  const last = text.lastIndexOf(" ") + 1;
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        change({ where: text.trim() });
      }}
    >
      <label for="where">Only objects</label>
      <input
        id="where"
        ref={input}
        type="search"
        value={text}
        list="where-words"
        spellcheck={false}
        autocomplete="off"
        placeholder="type:dict size:>=1k"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          setText(where);
          event.currentTarget.blur();
        }}
      />
      <datalist id="where-words">
        {WORDS.map((word) => (
          <option key={word} value={text.slice(0, last) + word} />
        ))}
      </datalist>
      <button type="submit">Select</button>
      {where && (
        <button type="button" onClick={() => change({ where: null })}>
          All
        </button>
      )}
    </form>
  );
}
