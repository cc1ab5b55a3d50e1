// The page and all it shows stand in location.hash, `#/what?by=type&where=type:dict`: what one sees can be bookmarked,
// sent, and gone back to.
import { useEffect, useState } from "preact/hooks";
import type { Asked, Params } from "./source";

export interface Route {
  page: string;
  params: Params;
}

/** Go along from page to page: the files, and the one selection. */
const KEPT = ["file", "against", "where"];

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  return { page: path, params: Object.fromEntries(new URLSearchParams(query)) };
}

export function present(): Route {
  return parse(location.hash);
}

/** An address of a page; null takes out what would go along. */
export function link(page: string, asked: Asked = {}, from: Route = present()): string {
  const params: Asked = {};
  for (const name of KEPT) params[name] = from.params[name];
  Object.assign(params, asked);
  const kept = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return `#/${page}${query ? "?" + query : ""}`;
}

export function go(page: string, asked: Asked = {}): void {
  location.hash = link(page, asked);
}

/** The same page with some parameters changed. */
export function change(asked: Asked): void {
  const { page, params } = present();
  go(page, { ...params, ...asked });
}

/** The same, while one types: no step of its own on the way back. */
export function adjust(asked: Asked): void {
  const { page, params } = present();
  const address = link(page, { ...params, ...asked });
  try {
    history.replaceState(null, "", address);
    dispatchEvent(new Event("hashchange"));
  } catch {
    location.hash = address; // in a frame of a notebook, whose address is not its own
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(present);
  useEffect(() => {
    const follow = () => setRoute(present());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** In a frame of a notebook an address that begins with # is one of the page around it: there links are followed by hand. */
export function followLinks(): void {
  if (location.protocol !== "about:") return;
  addEventListener("click", (event) => {
    const to = (event.target as Element).closest("a")?.getAttribute("href");
    if (!to?.startsWith("#/")) return;
    event.preventDefault();
    location.hash = to;
  });
}
