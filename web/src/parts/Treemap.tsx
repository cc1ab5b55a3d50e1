// Boxes in boxes, their areas the bytes: on a canvas, so that a thousand of them zoom smoothly. What a box's own bytes are
// stays free of other boxes. The arrow keys go from box to box, Enter goes in, Escape out.
import { hierarchy, treemap, treemapSquarify, type HierarchyRectangularNode } from "d3-hierarchy";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { visible } from "../format";
import "./Treemap.css";

export interface Box {
  id: string;
  title: string;
  /** What is said of it in a line. */
  text: string;
  value: number;
  /** Place in the palette, 0 to 7; -1 of what stands for many. */
  colour: number;
  below: Box[];
}

interface Props {
  root: Box;
  label: string;
  open: (box: Box) => void;
  up?: (() => void) | undefined;
}

type Cell = HierarchyRectangularNode<Box>;

const HEAD = 17;

function layout(root: Box, width: number, height: number): Cell {
  const tree = hierarchy(root, (box) => box.below);
  tree.each((node) => {
    (node as { value: number }).value = node.data.value; // d3 would add up those below: what is a box's own would be lost
  });
  return treemap<Box>()
    .tile(treemapSquarify)
    .size([width, height])
    .paddingOuter(2)
    .paddingInner(1)
    .paddingTop((node) => (node.y1 - node.y0 > 2 * HEAD ? HEAD : 2))
    .round(true)(tree as Cell);
}

function mixed(colour: string, ground: string, share: number): string {
  const part = (text: string, i: number) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  return `rgb(${[0, 1, 2].map((i) => Math.round(part(colour, i) * share + part(ground, i) * (1 - share))).join(" ")})`;
}

/** The colours of the theme, which the canvas knows nothing of. */
function palette(element: Element) {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    ground: value("--ground"),
    text: value("--text"),
    mark: value("--text"),
    line: value("--ground"),
    mono: value("--mono"),
    colours: Array.from({ length: 8 }, (_, i) => value(`--c${i}`)),
    rest: value("--raised"),
  };
}

interface View {
  x: number;
  y: number;
  w: number;
  h: number;
}

function draw(
  canvas: HTMLCanvasElement,
  cells: Cell[],
  at: Cell | null,
  size: { w: number; h: number },
  view: View,
): void {
  const context = canvas.getContext("2d")!;
  const ratio = devicePixelRatio || 1;
  const colours = palette(canvas);
  const kx = size.w / view.w,
    ky = size.h / view.h;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, size.w, size.h);
  context.font = `12px ${colours.mono}`;
  context.textBaseline = "middle";
  const letter = context.measureText("0").width;
  for (const cell of cells) {
    const x = (cell.x0 - view.x) * kx,
      y = (cell.y0 - view.y) * ky,
      w = (cell.x1 - cell.x0) * kx,
      h = (cell.y1 - cell.y0) * ky;
    if (w < 1 || h < 1 || x > size.w || y > size.h || x + w < 0 || y + h < 0) continue;
    const { colour, title } = cell.data;
    context.fillStyle =
      colour < 0
        ? colours.rest
        : mixed(colours.colours[colour]!, colours.ground, Math.min(0.2 + 0.07 * cell.depth, 0.55));
    context.fillRect(x, y, w, h);
    if (w > 2 && h > 2) {
      context.strokeStyle = colours.line;
      context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    }
    const fit = Math.floor((w - 8) / letter);
    if (fit < 3 || h < HEAD - 3 || (cell.children && cell.y1 - cell.y0 <= 2 * HEAD)) continue; // no room was left for it
    context.fillStyle = colours.text;
    const text = visible(title, 200);
    context.fillText(text.length > fit ? text.slice(0, fit - 1) + "…" : text, x + 4, y + HEAD / 2 + 1);
  }
  if (!at) return;
  context.strokeStyle = colours.mark;
  context.lineWidth = 2;
  context.strokeRect(
    (at.x0 - view.x) * kx + 1,
    (at.y0 - view.y) * ky + 1,
    (at.x1 - at.x0) * kx - 2,
    (at.y1 - at.y0) * ky - 2,
  );
  context.lineWidth = 1;
}

const STEPS = 11; // frames of going in

export function Treemap({ root, label, open, up }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState({ w: 0, h: 0 });
  const [at, setAt] = useState<string | null>(null);
  const [theme, setTheme] = useState(0);
  const came = useRef<View | null>(null);

  useEffect(() => {
    const element = frame.current!;
    const measure = () => setSize({ w: element.clientWidth, h: element.clientHeight });
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const turned = () => setTheme((n) => n + 1);
    dark.addEventListener("change", turned);
    const chosen = new MutationObserver(turned);
    chosen.observe(document.documentElement, { attributes: true });
    measure();
    return () => {
      watch.disconnect();
      dark.removeEventListener("change", turned);
      chosen.disconnect();
    };
  }, []);

  const cells = useMemo(() => (size.w ? layout(root, size.w, size.h).descendants() : []), [root, size]);
  const here = cells.find((cell) => cell.data.id === at) ?? cells[0] ?? null;

  useEffect(() => {
    const element = canvas.current!;
    const ratio = devicePixelRatio || 1;
    element.width = Math.round(size.w * ratio);
    element.height = Math.round(size.h * ratio);
  }, [size]);
  useEffect(() => {
    if (!size.w) return;
    const whole: View = { x: 0, y: 0, ...size };
    const from = matchMedia("(prefers-reduced-motion: reduce)").matches ? null : came.current;
    came.current = null;
    let step = from ? 0 : STEPS,
      request = 0;
    const paint = () => {
      if (!canvas.current) return;
      // At first all of the new map is drawn where the box was, at last everywhere.
      const t = (step / STEPS) ** 0.5;
      const place = from && {
        x: from.x * (1 - t),
        y: from.y * (1 - t),
        w: from.w + (size.w - from.w) * t,
        h: from.h + (size.h - from.h) * t,
      };
      const kx = place ? size.w / place.w : 1,
        ky = place ? size.h / place.h : 1;
      draw(
        canvas.current,
        cells,
        step < STEPS || at === null ? null : here,
        size,
        place ? { x: -place.x * kx, y: -place.y * ky, w: size.w * kx, h: size.h * ky } : whole,
      );
      if (step++ < STEPS) request = requestAnimationFrame(paint);
    };
    paint();
    return () => cancelAnimationFrame(request);
  }, [cells, here, at, theme]);

  const under = (event: MouseEvent): Cell | null => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    const x = event.clientX - left,
      y = event.clientY - top;
    let found: Cell | null = null;
    for (const cell of cells)
      // those below come later
      if (x >= cell.x0 && x < cell.x1 && y >= cell.y0 && y < cell.y1) found = cell;
    return found;
  };
  const enter = (cell: Cell | null) => {
    if (!cell || cell === cells[0]) return;
    came.current = { x: cell.x0, y: cell.y0, w: cell.x1 - cell.x0, h: cell.y1 - cell.y0 };
    open(cell.data);
  };
  const press = (event: KeyboardEvent) => {
    if (!here) return;
    const beside = (here.parent?.children ?? []) as Cell[],
      place = beside.indexOf(here);
    const to: Record<string, Cell | null | undefined> = {
      ArrowRight: beside[place + 1],
      ArrowLeft: beside[place - 1],
      ArrowDown: here.children?.[0],
      ArrowUp: here.parent,
    };
    if (event.key in to) setAt((to[event.key] ?? here).data.id);
    else if (event.key === "Enter") enter(here);
    else if ((event.key === "Escape" || event.key === "Backspace") && up) up();
    else return;
    event.preventDefault();
  };
  return (
    <div class="treemap">
      <div
        class="boxes"
        ref={frame}
        tabIndex={0}
        role="group"
        aria-label={`${label}. Arrow keys go from box to box, Enter goes in, Escape out.`}
        onKeyDown={press}
      >
        <canvas
          ref={canvas}
          aria-hidden="true"
          onMouseMove={(event) => setAt(under(event)?.data.id ?? null)}
          onMouseLeave={() => setAt(null)}
          onClick={(event) => enter(under(event))}
        />
      </div>
      <p class="told" role="status">
        {here ? visible(here.data.text, 400) : ""}
      </p>
    </div>
  );
}
