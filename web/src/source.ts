// Where answers come from: embedded in the report, or from `tonnage serve`. What is asked for is a view and its
// parameters (docs/view-json.md); pages know of nothing else.

export type Params = Record<string, string>;
export type Asked = Record<string, string | number | null | undefined>;

export interface FileInfo {
  index: number;
  name: string;
  pid: number | null;
  wall_time_ns: number | null;
  python_version: string | null;
  has: string[];
  kind?: string;
  /** Of the file, in bytes; of its objects. */
  size?: number | null;
  size_bytes?: number | null;
  n_objects?: number | null;
  folder?: string;
  command?: string | null;
  /** Why it cannot be read. */
  error?: string | null;
}

interface Data {
  schema: number;
  mode: "report" | "served" | "folder";
  tool_version?: string;
  token?: string;
  files: FileInfo[];
  answers?: Record<string, unknown>;
  bounds?: string[];
  folder?: string | null;
}

export class NotInReport extends Error {
  constructor(
    readonly view: string,
    readonly params: Params,
  ) {
    super(`the report has no answer to ${keyOf(view, params)}`);
  }
}

/** What a view does unasked; a question is the same with it and without it. */
const DEFAULTS: Record<string, Params> = {
  summary: { by: "type" },
  groups: { by: "type" },
  diff: { by: "type" },
  retained: { by: "type" },
  sites: { by: "line" },
  profile: { by: "function" },
  flame: { by: "line" },
};

/** Views in which a dict is a part of its owner unasked. */
const FOLDING = ["suspects", "why", "dominators", "patterns", "treemap"];

/** Without what is empty or the default, in order of name. */
export function normal(view: string, asked: Asked): Params {
  const kept: Params = {};
  const unasked: Params = { file: "0", fold: FOLDING.includes(view) ? "1" : "0", ...DEFAULTS[view] };
  for (const name of Object.keys(asked).sort()) {
    const value = asked[name];
    const text = value === null || value === undefined ? "" : String(value);
    if (text !== "" && text !== unasked[name]) kept[name] = text;
  }
  return kept;
}

export function keyOf(view: string, asked: Asked): string {
  const text = new URLSearchParams(normal(view, asked)).toString();
  return text ? `${view}?${text}` : view;
}

function parseKey(key: string): [string, Params] {
  const at = key.indexOf("?");
  const query = at < 0 ? "" : key.slice(at + 1);
  return [at < 0 ? key : key.slice(0, at), Object.fromEntries(new URLSearchParams(query))];
}

/** A question whatever its order and length are. */
function gist(view: string, asked: Asked): string {
  return keyOf(view, { ...asked, limit: null, sort: null });
}

export abstract class Source {
  readonly mode: Data["mode"];
  readonly files: FileInfo[];
  readonly bounds: string[];
  readonly toolVersion: string;
  /** The way back to the index of the folder; null without one. */
  readonly folder: string | null;
  private readonly cache = new Map<string, Promise<unknown>>();

  constructor(data: Data) {
    this.mode = data.mode;
    this.files = data.files;
    this.bounds = data.bounds ?? [];
    this.toolVersion = data.tool_version ?? "";
    this.folder = data.folder ?? null;
  }

  protected abstract fetch(view: string, params: Params): Promise<unknown>;
  /** Whether there can be an answer. */
  abstract has(view: string, asked: Asked): boolean;

  /** The answer as JSON. Rejects with NotInReport, or with an Error whose message is one line for the reader. */
  ask<T>(view: string, asked: Asked = {}): Promise<T> {
    const key = keyOf(view, asked);
    let answer = this.cache.get(key);
    if (answer) this.cache.delete(key);
    else answer = this.fetch(view, normal(view, asked));
    this.cache.set(key, answer);
    answer.catch(() => this.cache.delete(key));
    for (const old of this.cache.keys()) {
      if (this.cache.size <= 100) break;
      this.cache.delete(old);
    }
    return answer as Promise<T>;
  }
}

class Embedded extends Source {
  private readonly answers = new Map<string, { limit: number; sort: string; answer: unknown }[]>();

  constructor(data: Data) {
    super(data);
    for (const [key, answer] of Object.entries(data.answers ?? {})) {
      const [view, params] = parseKey(key);
      const limit = params.limit === "0" ? Infinity : Number(params.limit ?? 20);
      const entry = { limit, sort: params.sort ?? "", answer };
      const name = gist(view, params);
      this.answers.set(name, [...(this.answers.get(name) ?? []), entry]);
    }
  }

  has(view: string, asked: Asked): boolean {
    return this.answers.has(gist(view, asked));
  }

  protected async fetch(view: string, params: Params): Promise<unknown> {
    const found = this.answers.get(gist(view, params));
    if (!found) throw new NotInReport(view, params);
    const wanted = params.sort ?? "";
    const best = [...found].sort((a, b) => Number(b.sort === wanted) - Number(a.sort === wanted) || b.limit - a.limit);
    const { error } = best[0]!.answer as { error?: string };
    if (typeof error === "string") throw new Error(error);
    return best[0]!.answer;
  }
}

class Served extends Source {
  constructor(
    data: Data,
    private readonly token: string,
  ) {
    super(data);
  }

  has(): boolean {
    return true;
  }

  protected async fetch(view: string, params: Params): Promise<unknown> {
    const query = new URLSearchParams(params).toString();
    let answer: Response;
    try {
      answer = await fetch(`api/${view}${query ? "?" + query : ""}`, { headers: { "X-Tonnage-Token": this.token } });
    } catch {
      throw new Error("no answer: is `tonnage serve` still running?");
    }
    const body: unknown = await answer.json().catch(() => null);
    if (answer.ok && body !== null) return body;
    throw new Error((body as { error?: string } | null)?.error ?? `no answer (HTTP status ${answer.status})`);
  }
}

/** The text of #tonnage-data; JSON, or JSON around gzip of JSON. */
export async function openSource(text: string): Promise<Source> {
  let data = JSON.parse(text) as Data & { gzip?: string };
  if (data.gzip !== undefined) {
    const packed = Uint8Array.from(atob(data.gzip), (c) => c.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    data = JSON.parse(await new Response(plain).text()) as Data;
  }
  if (data.schema !== 1) throw new Error(`this viewer reads data of schema 1, not ${data.schema}`);
  return data.mode === "report" ? new Embedded(data) : new Served(data, data.token ?? "");
}
