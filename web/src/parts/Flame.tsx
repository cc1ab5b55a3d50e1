// Stacks drawn to scale: a frame is as wide as its sum. What is in sight is drawn on a canvas, so that deep and broad trees
// cost no more than what one sees of them.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { amount, find, hueOf, percent, restOf, shortName, type Box, type Frame, type Tree } from "../flame";
import { plural, visible } from "../format";
import { useKey } from "../keys";
import { colour } from "../theme";
import { Copy } from "./Copy";
import "./flame.css";

const ROW = 20;
const LEAST = 0.6; // pixels: narrower ones are not drawn
const MOVE_MS = 160;

interface Props {
  tree: Tree;
  label: string;
  /** Frames that have this in their names stand out. */
  search: string;
  /** Number of the box that fills the width. */
  zoom: number;
  onZoom: (index: number) => void;
  /** From below upwards, as flames burn. */
  upwards: boolean;
  /** What stands below what is said of the frame that one is at. */
  further: (frame: Frame) => ComponentChildren;
}

interface View {
  x0: number;
  x1: number;
}

interface Colours {
  ground: string;
  text: string;
  dim: string;
  line: string;
  mark: string;
  fill: string[];
}

/** A third of a colour on the ground, so that text on it can be read. */
function mixed(colour: string, ground: string, share: number): string {
  const parts = [colour, ground].map((text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)));
  const mix = parts[0]!.map((c, i) => Math.round(share * c + (1 - share) * parts[1]![i]!));
  return `rgb(${mix.join(" ")})`;
}

function coloursNow(): Colours {
  const ground = colour("ground");
  const fill = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => mixed(colour(`c${i}`), ground, 0.38));
  return { ground, text: colour("text"), dim: colour("dim"), line: colour("line"), mark: colour("mark"), fill };
}

class Drawing {
  private readonly widths = new Map<string, number>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly tree: Tree,
  ) {}

  private text(context: CanvasRenderingContext2D, words: string, x: number, y: number, room: number): void {
    if (room < 24) return;
    let width = this.widths.get(words);
    if (width === undefined) this.widths.set(words, (width = context.measureText(words).width));
    const length = width <= room ? words.length : Math.floor((words.length * room) / width) - 1;
    if (length > 1) context.fillText(length < words.length ? words.slice(0, length) + "…" : words, x, y, room);
  }

  /** The boxes in sight; way: those that lead to what fills the width, which are drawn as broad as it is. */
  draw(
    view: View,
    top: number,
    colours: Colours,
    hits: Set<number> | null,
    at: number | null,
    zoom: Box,
    yOf: (depth: number) => number,
  ): void {
    const context = this.canvas.getContext("2d")!;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.canvas.width / ratio, this.canvas.height / ratio];
    const scale = width / (view.x1 - view.x0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.ground;
    context.fillRect(0, 0, width, height);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const way = new Set<Box>();
    for (let box: Box | null = zoom.parent; box; box = box.parent) way.add(box);
    const stack: Box[] = [this.tree.boxes[0]!];
    for (let box = stack.pop(); box; box = stack.pop()) {
      const left = Math.max(0, (box.x0 - view.x0) * scale);
      const right = Math.min(width, (box.x1 - view.x0) * scale);
      if (right - left < LEAST) continue;
      for (let i = box.children.length - 1; i >= 0; i--) stack.push(box.children[i]!);
      const y = yOf(box.depth) - top;
      if (y > height || y < -ROW) continue;
      const lit = !hits || hits.has(box.index);
      context.globalAlpha = (way.has(box) ? 0.6 : 1) * (lit ? 1 : 0.35);
      context.fillStyle = box.index === 0 ? colours.line : colours.fill[hueOf(box.frame) ?? 7]!;
      context.fillRect(left, y, Math.max(right - left - 1, LEAST), ROW - 1);
      context.globalAlpha = lit ? 1 : 0.55;
      context.fillStyle = colours.text;
      this.text(
        context,
        visible(box.index === 0 ? "all" : shortName(box.frame), 200),
        left + 4,
        y + ROW / 2,
        right - left - 8,
      );
      context.globalAlpha = 1;
      if (hits?.has(box.index) || box.index === at) {
        context.strokeStyle = box.index === at ? colours.text : colours.mark;
        context.lineWidth = box.index === at ? 2 : 1.5;
        context.strokeRect(left + 1, y + 1, Math.max(right - left - 3, 1), ROW - 3);
      }
    }
  }
}

export function FlameGraph({ tree, label, search, zoom, onZoom, upwards, further }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const zoomed = tree.boxes[zoom] ?? tree.boxes[0]!;
  const found = useMemo(() => find(tree, search), [tree, search]);
  const height = (tree.depth + 1) * ROW;
  const yOf = (depth: number) => (upwards ? height - (depth + 1) * ROW : depth * ROW);
  const drawing = useMemo(() => ({ current: null as Drawing | null }), [tree]);
  const view = useRef<View>({ x0: 0, x1: 1 });
  const colours = useRef<Colours | null>(null);

  const paint = () => {
    const [element, frame] = [canvas.current, box.current];
    if (!element || !frame) return;
    colours.current ??= coloursNow();
    drawing.current ??= new Drawing(element, tree);
    drawing.current.draw(
      view.current,
      frame.scrollTop,
      colours.current,
      found.hits.size ? found.hits : null,
      at,
      zoomed,
      yOf,
    );
  };
  const latest = useRef(paint);
  latest.current = paint;

  useEffect(() => {
    const fit = () => {
      const [element, frame] = [canvas.current, box.current];
      if (!element || !frame) return; // it is being taken down
      const ratio = devicePixelRatio || 1;
      element.width = Math.round(frame.clientWidth * ratio);
      element.height = Math.round(frame.clientHeight * ratio);
      element.style.width = `${frame.clientWidth}px`;
      element.style.height = `${frame.clientHeight}px`;
      latest.current();
    };
    const recolour = () => {
      colours.current = null;
      latest.current();
    };
    const observer = new ResizeObserver(fit);
    observer.observe(box.current!);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("themechange", recolour);
    dark.addEventListener("change", recolour);
    return () => {
      observer.disconnect();
      removeEventListener("themechange", recolour);
      dark.removeEventListener("change", recolour);
    };
  }, []);

  useEffect(() => {
    // moves to what is zoomed into
    const from = { ...view.current };
    const to = { x0: zoomed.x0, x1: zoomed.x1 };
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || !(to.x1 > to.x0);
    const began = performance.now();
    let frame = 0;
    const step = (now: number) => {
      const done = still ? 1 : Math.min(1, Math.max(0, (now - began) / MOVE_MS));
      const eased = done * (2 - done);
      view.current = { x0: from.x0 + (to.x0 - from.x0) * eased, x1: from.x1 + (to.x1 - from.x1) * eased };
      latest.current();
      if (done < 1) frame = requestAnimationFrame(step);
      else performance.mark("tonnage-zoomed");
    };
    if (to.x1 > to.x0) step(began);
    return () => cancelAnimationFrame(frame);
  }, [zoomed]);
  useEffect(() => latest.current(), [at, search, upwards, tree]);
  useEffect(() => setAt(null), [tree]);
  useEffect(() => {
    if (upwards && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [upwards, tree]);

  const boxAt = (event: MouseEvent): Box | null => {
    const bounds = box.current!.getBoundingClientRect();
    const row = (event.clientY - bounds.top + box.current!.scrollTop) / ROW;
    const depth = Math.floor(upwards ? tree.depth + 1 - row : row);
    const { x0, x1 } = view.current;
    const x = x0 + ((event.clientX - bounds.left) / box.current!.clientWidth) * (x1 - x0);
    let found: Box | undefined = tree.boxes[0];
    while (found && found.depth < depth) found = found.children.find((child) => child.x0 <= x && x < child.x1);
    return found && x < found.x1 ? found : null;
  };
  const show = (next: Box | undefined | null) => {
    if (!next) return;
    setAt(next.index);
    const frame = box.current!;
    const y = yOf(next.depth);
    if (y < frame.scrollTop) frame.scrollTop = y;
    else if (y + ROW > frame.scrollTop + frame.clientHeight) frame.scrollTop = y + ROW - frame.clientHeight;
  };
  const sibling = (from: Box, step: number): Box | undefined => {
    const siblings = from.parent?.children ?? [];
    return siblings[siblings.indexOf(from) + step];
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const here = tree.boxes[at ?? zoom] ?? tree.boxes[0]!;
    const [inwards, outwards] = upwards ? ["ArrowUp", "ArrowDown"] : ["ArrowDown", "ArrowUp"];
    const moves: Record<string, () => void> = {
      [inwards!]: () => show(here.children[0]),
      [outwards!]: () => show(here.parent),
      ArrowLeft: () => show(sibling(here, -1)),
      ArrowRight: () => show(sibling(here, 1)),
      Home: () => show(tree.boxes[0]),
      Enter: () => onZoom(here.index),
      Backspace: () => onZoom(zoomed.parent?.index ?? 0),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };
  useKey("0", "a flame graph: all of it", () => onZoom(0));

  const shown = tree.boxes[over ?? at ?? zoom] ?? zoomed;
  return (
    <>
      <div
        class="flame"
        ref={box}
        style={{ height: `min(${height + 2}px, 60vh)` }}
        tabIndex={0}
        role="application"
        aria-roledescription="flame graph"
        aria-label={label}
        onScroll={() => latest.current()}
        onKeyDown={onKey}
        onMouseMove={(event) => setOver(boxAt(event)?.index ?? null)}
        onMouseLeave={() => setOver(null)}
        onClick={(event) => {
          const hit = boxAt(event);
          if (!hit) return;
          setAt(hit.index);
          onZoom(hit.index === zoom ? (hit.parent?.index ?? 0) : hit.index);
        }}
      >
        <div style={{ height: `${height}px` }}>
          <canvas ref={canvas} aria-hidden="true" />
        </div>
      </div>
      {search.trim() && (
        <p class="found" role="status">
          {plural(found.hits.size, "frame")} with “{visible(search, 60)}”: {amount(tree.flame.unit, found.total)},{" "}
          {percent(found.total, tree.flame.total.total)}
        </p>
      )}
      <Told tree={tree} box={shown} />
      {further(shown.frame)}
    </>
  );
}

function Told({ tree, box }: { tree: Tree; box: Box }) {
  const { unit, what, total } = tree.flame;
  const counted = what === "cpu" ? "sample" : what === "retained" ? "object" : "block";
  const rest = restOf(box);
  const place =
    box.frame.file && box.frame.file !== box.frame.function
      ? box.frame.file + (box.frame.line ? `:${box.frame.line}` : "")
      : null;
  return (
    <div class="told" aria-live="polite">
      <p>
        <strong>{visible(box.frame.function ?? box.frame.name, 300)}</strong> {amount(unit, box.total)},{" "}
        {percent(box.total, total.total)}
        {box.range && `, 95 % interval ${amount(unit, box.range[0])} to ${amount(unit, box.range[1])}`}
        {box.index > 0 && `; own ${amount(unit, box.own)}`}
        {unit !== "blocks" && unit !== "samples" && `; ${plural(box.count, counted)}`}
        {box.more > 0 && `; not shown below it: ${plural(box.more, "frame")}, ${amount(unit, Math.max(0, rest))}`}
      </p>
      {place && <Copy text={place} what="Copy the place" />}
    </div>
  );
}
