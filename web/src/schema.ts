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

export interface Check {
  verdict: string;
  findings: { status: string; offset: number; message: string }[];
  checks: Record<string, number>;
  checks_failed: number;
}
