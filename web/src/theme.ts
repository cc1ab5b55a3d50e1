// Light, dark, or as the system has it. A page from file:// may not be allowed to keep the choice: then it is for now.

export type Theme = "light" | "dark";

export function theme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function setTheme(name: Theme): void {
  document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem("tonnage-theme", name);
  } catch {
    /* not allowed */
  }
  dispatchEvent(new Event("themechange")); // what is drawn on a canvas is drawn anew
}

export function restoreTheme(): void {
  try {
    const kept = localStorage.getItem("tonnage-theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch {
    /* not allowed */
  }
}

/** A colour of style.css, as a canvas needs it. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
