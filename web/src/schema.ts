// What pages read of the view JSON (docs/view-json.md).

export interface Info {
  pid: number | null;
  host: string | null;
  executable: string | null;
  python_version: string | null;
  tool_version: string | null;
  mode: string | null;
  wall_time_ns: number | null;
  pause_ns: number | null;
  rss_bytes: number | null;
  argv: string[];
  file_bytes: number;
  n_objects: number;
  n_types: number;
  n_references: number;
  checks_failed: number;
  facts: Record<string, number | string>;
}

export interface LedgerRow {
  name: string;
  bytes: number | null;
  pct: number | null;
}

export interface Sum {
  count: number;
  size: number;
}

export interface Thread {
  name: string | null;
  holds_gil: boolean | null;
  frames: { name: string | null; qualified_name: string | null; file: string | null; line: number; own: boolean }[];
}

/** Of the view `info`. */
export interface About {
  threads: Thread[];
  ledger: LedgerRow[];
  info: Info;
}

export interface Summary {
  total: Sum;
  own: Sum;
  ledger: LedgerRow[];
  info: Info;
}

export interface GroupRow {
  index: number;
  kind?: string;
  type?: string;
  module?: string;
  each?: number;
  count: number;
  count_pct: number | null;
  size: number;
  size_pct: number | null;
  cum_size: number;
  cum_pct: number | null;
  largest: number;
  largest_address: string | null;
}

export interface Groups {
  by: string;
  rows: GroupRow[];
  total: Sum;
  groups: number;
  more: number;
  more_size: number;
}

export interface DiffRow {
  kind?: string;
  type?: string;
  module?: string;
  each?: number;
  new: number | null;
  gone: number | null;
  survived: number | null;
  old_count: number;
  now_count: number;
  count_change: number;
  old_size: number;
  now_size: number;
  size_change: number;
}

export interface Diff {
  by: string;
  same_process: boolean;
  why: string | null;
  apart_ns: number | null;
  rows: DiffRow[];
  total: { old: Sum; now: Sum; new?: Sum; gone?: Sum; survived?: Sum };
  more: number;
  unchanged: number;
}

export interface LargestRow {
  size: number;
  size_pct: number | null;
  cum_size: number;
  cum_pct: number | null;
  address: string;
  type: string;
  preview: string | null;
}

export interface Largest {
  rows: LargestRow[];
  total: Sum;
  more: number;
}

/** Where something is: of suspects, findings and waste. */
export interface Place {
  address: string | null;
  path: string | null;
  evaluable: boolean | null;
}

export interface Suspect extends Place {
  text: string;
  further: string;
  kind: string;
  type: string;
  example: string | null;
  count: number;
  size: number;
  size_pct: number | null;
}

export interface Finding extends Place {
  text: string;
  kind: string;
  count: number;
  size: number;
  size_pct: number | null;
}

export interface Suspects {
  total: Sum;
  rows: Suspect[];
  more: number;
  findings: Finding[];
  more_findings: number;
  ledger: LedgerRow[];
  info: Info;
}

export interface WasteRow extends Place {
  text: string;
  further: string;
  kind: string;
  grade: "warning" | "note" | "hint";
  label: string;
  count: number;
  size: number;
  saved: number;
  saved_pct: number | null;
  change: string;
  common: string | null;
}

export interface Waste {
  total: Sum & { saved: number; overlap: number; threshold: number };
  rows: WasteRow[];
  more: number;
}

export interface TrackedClass {
  class: string;
  bases: string[];
  alive: number;
  born: number;
  found: number;
  died: number;
  morphed: number;
  mean_age_ns: number | null;
  median_age_ns: number | null;
  ages: { below_ns: number; died: number }[];
  size: number | null;
  flat: number | null;
  retained: number | null;
  family_count: number | null;
  family_size: number | null;
}

export interface TrackedSnapshot {
  number: number;
  description: string;
  time_ns: number;
  pause_ns: number;
  rss: number | null;
  own: number;
  heap_count: number | null;
  heap_size: number | null;
  tracked: number;
  shared: number;
  left_out: number;
  classes: { class: string; count: number; size: number; retained: number }[];
}

export interface TrackedPart {
  depth: number;
  label: string;
  type: string;
  size: number;
  more: number;
}

export interface TrackedInstance {
  serial: number;
  class: string;
  name: string | null;
  size: number | null;
  flat: number | null;
  retained: number | null;
  birth_ns: number;
  found: boolean;
  death_ns: number | null;
  age_ns: number;
  morphed_to: string | null;
  address: string | null;
  preview: string | null;
  traceback: { file: string; line: number | null; function: string }[] | null;
  sizes: { snapshot: number; size: number; flat: number; retained: number; parts?: TrackedPart[] }[];
}

export interface Tracked {
  started_wall_ns: number;
  now_ns: number;
  stopped_ns: number | null;
  classes: TrackedClass[];
  snapshots: TrackedSnapshot[];
  rows: TrackedInstance[];
  total: number;
  more: number;
}

export interface Check {
  verdict: string;
  findings: { status: string; offset: number; message: string }[];
  checks: Record<string, number>;
  checks_failed: number;
}

/** A node of the dominator tree; `address` is null of what is no object. */
export interface TreeRow {
  depth: number;
  retained: number;
  retained_pct: number | null;
  count: number;
  size: number;
  address: string | null;
  type: string;
  held_by: string;
  preview: string | null;
  node: number;
  more: number;
  more_retained: number;
}

export interface Treemap {
  where: string | null;
  against: { pid: number; wall_time_ns: number } | null;
  object: TreeRow | null;
  above: TreeRow[];
  more_above: number;
  rows: TreeRow[];
  total: { rows: number; count: number; retained: number };
  whole: number;
  more: number;
  more_retained: number;
}

export interface DominatorGroups {
  by: string;
  rows: {
    type?: string;
    module?: string;
    each?: number;
    kind?: string;
    retained: number;
    retained_pct: number | null;
    count: number;
    rows: number;
    size: number;
  }[];
  total: { rows: number; count: number; retained: number };
  heap: { size: number; objects: number; shared_keys: number };
  more: number;
  more_retained: number;
}

export interface Frame {
  file: string;
  line: number | null;
  function: string;
}

export interface Site {
  birth: number | null;
  maybe_stale: boolean | null;
  traceback: Frame[];
}

export interface Shown {
  object: {
    node: number;
    address: string;
    type: string;
    size: number;
    parts: { part: string; size: number }[];
    refcount: number;
    length: number | null;
    capacity: number | null;
    flags: string[];
    preview: string | null;
    site: Site | null;
  };
  references: { count: number; more: number };
  referrers: { count: number; more: number };
}

/** A reference: of the views refs and referrers, what is at the other end. */
export interface RefRow {
  depth: number;
  label: string;
  kind: string;
  node: number;
  address: string | null;
  type: string;
  size: number;
  preview: string | null;
  count: number;
}

export interface Refs {
  node: number;
  address: string | null;
  type: string;
  rows: RefRow[];
  count: number;
  more: number;
}

export interface Paths {
  rows: {
    length: number | null;
    path: string | null;
    evaluable: boolean | null;
    steps: { label: string; kind: string; node: number; address: string | null; type: string }[];
  }[];
  more: number;
}

export interface Why {
  text: string;
  garbage: boolean;
}

export interface Retained {
  selected: Sum & { size_pct: number | null };
  total: Sum & { size_pct: number | null };
  rows: { type: string; count: number; count_pct: number | null; size: number; size_pct: number | null }[];
  more: number;
  more_size: number;
}

/** Lines of a file of code; `why` there are none. */
export interface SourceLines {
  path: string;
  line: number;
  rows: { line: number; text: string }[];
  why: string | null;
}
