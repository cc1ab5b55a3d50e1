// Keys that work everywhere but where one types, and the list of them for `?`.
import { useEffect } from "preact/hooks";

interface Key {
  key: string;
  what: string;
  run: () => void;
}

const keys = new Map<string, Key>();

function follow(event: KeyboardEvent): void {
  const at = event.target as HTMLElement;
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) return;
  const found = keys.get(event.key);
  if (!found) return;
  event.preventDefault();
  found.run();
}

/** While the part is shown. A key has one meaning: the latest. */
export function useKey(key: string, what: string, run: () => void): void {
  useEffect(() => {
    if (keys.size === 0) addEventListener("keydown", follow);
    const mine = { key, what, run };
    keys.set(key, mine);
    return () => {
      if (keys.get(key) === mine) keys.delete(key);
      if (keys.size === 0) removeEventListener("keydown", follow);
    };
  });
}

export function keyList(): Key[] {
  return [...keys.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
