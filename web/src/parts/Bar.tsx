// A share as a length.

export function Bar({ share, from = 0, kind = "" }: { share: number; from?: number; kind?: string }) {
  const percent = (x: number) => `${Math.max(0, Math.min(100, 100 * x))}%`;
  return (
    <span class={`bar ${kind}`} aria-hidden="true">
      <span style={{ left: percent(from), width: percent(share) }} />
    </span>
  );
}
