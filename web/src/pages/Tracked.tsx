import type { PageProps } from ".";

export function Tracked({ route }: PageProps) {
  return <p class="empty">Nothing is drawn here yet ({route.page}).</p>;
}
