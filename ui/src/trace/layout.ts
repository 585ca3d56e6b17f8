/**
 * The tree of a trace over typed columns: subtrees, children, self time. Pure; no React.
 *
 * Nodes are row numbers of the skeleton, which comes in tree pre-order; a parent that never arrived is a row of its own,
 * marked in `columns.missing`. Everything is linear in the number of spans.
 */
import type { TraceSkeleton } from "../api/types.ts";

export interface TraceLayout {
  count: number;
  /** One past the last row of the subtree. */
  end: Int32Array;
  depth: Int32Array;
  parent: Int32Array;
  /** Children of node n are `childList[childStart[n] .. childStart[n + 1]]`, in order. */
  childStart: Int32Array;
  childList: Int32Array;
  startUs: Float64Array;
  durationUs: Float64Array;
}

export function buildLayout(skeleton: TraceSkeleton): TraceLayout {
  const { columns } = skeleton;
  const count = columns.span_id.length;
  const parent = Int32Array.from(columns.parent_index);
  const depth = Int32Array.from(columns.depth);
  const end = new Int32Array(count);
  const open: number[] = [];
  for (let row = 0; row < count; row++) {
    while (open.length > 0 && depth[open.at(-1)!]! >= depth[row]!) end[open.pop()!] = row;
    open.push(row);
  }
  for (const row of open) end[row] = count;
  return {
    count,
    end,
    depth,
    parent,
    ...childrenOf(parent),
    startUs: Float64Array.from(columns.start_us),
    durationUs: Float64Array.from(columns.duration_us),
  };
}

function childrenOf(parent: Int32Array): Pick<TraceLayout, "childStart" | "childList"> {
  const count = parent.length;
  const childStart = new Int32Array(count + 1);
  for (let row = 0; row < count; row++) if (parent[row]! >= 0) childStart[parent[row]! + 1]! += 1;
  for (let row = 0; row < count; row++) childStart[row + 1]! += childStart[row]!;
  const fill = childStart.slice(0, count);
  const childList = new Int32Array(childStart[count]!);
  for (let row = 0; row < count; row++) {
    const p = parent[row]!;
    if (p < 0) continue;
    childList[fill[p]!] = row;
    fill[p]! += 1;
  }
  return { childStart, childList };
}

export const hasChildren = (layout: TraceLayout, node: number): boolean =>
  layout.childStart[node + 1]! > layout.childStart[node]!;

/** From the first start to the last end, never empty. */
export function wholeWindow({ startUs, durationUs }: TraceLayout): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY;
  let to = 1;
  for (let i = 0; i < startUs.length; i++) {
    from = Math.min(from, startUs[i]!);
    to = Math.max(to, startUs[i]! + durationUs[i]!);
  }
  if (!Number.isFinite(from)) from = 0;
  return { from, to: Math.max(to, from + 1) };
}

export type Interval = [from: number, to: number];

/** The time of a node that its children cover: merged intervals, clipped to the node, in order. */
export function covered(layout: TraceLayout, node: number): Interval[] {
  const from = layout.startUs[node]!;
  const to = from + layout.durationUs[node]!;
  const parts: Interval[] = [];
  for (let i = layout.childStart[node]!; i < layout.childStart[node + 1]!; i++) {
    const child = layout.childList[i]!;
    const low = Math.max(from, layout.startUs[child]!);
    const high = Math.min(to, layout.startUs[child]! + layout.durationUs[child]!);
    if (high > low) parts.push([low, high]);
  }
  parts.sort((a, b) => a[0] - b[0]);
  const merged: Interval[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (last && part[0] <= last[1]) last[1] = Math.max(last[1], part[1]);
    else merged.push(part);
  }
  return merged;
}

/** The time of a node in which no child ran: what is its own, or unaccounted. */
export function gaps(layout: TraceLayout, node: number): Interval[] {
  const from = layout.startUs[node]!;
  const to = from + layout.durationUs[node]!;
  const out: Interval[] = [];
  let at = from;
  for (const [low, high] of covered(layout, node)) {
    if (low > at) out.push([at, low]);
    at = high;
  }
  if (to > at) out.push([at, to]);
  return out;
}

export const selfUs = (layout: TraceLayout, node: number): number =>
  gaps(layout, node).reduce((sum, [low, high]) => sum + high - low, 0);

/** Rows to show: closed subtrees are skipped, and a search keeps the hits with their ancestors. */
export function visibleNodes(layout: TraceLayout, closed: ReadonlySet<number>, hits: Uint8Array | null): Int32Array {
  const { count, end, parent } = layout;
  let keep: Uint8Array | null = null;
  if (hits) {
    keep = hits.slice();
    for (let row = count - 1; row >= 0; row--) if (keep[row] && parent[row]! >= 0) keep[parent[row]!] = 1;
  }
  const out = new Int32Array(count);
  let n = 0;
  for (let row = 0; row < count; ) {
    if (keep && !keep[row]) {
      row = end[row]!;
      continue;
    }
    out[n] = row;
    n += 1;
    row = closed.has(row) && !keep ? end[row]! : row + 1;
  }
  return out.subarray(0, n);
}

/** Which nodes match every word, by name, kind, model or the beginning of the span id. */
export function findHits(skeleton: TraceSkeleton, layout: TraceLayout, text: string): Uint8Array | null {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const { columns, names, kinds, models } = skeleton;
  const hits = new Uint8Array(layout.count).fill(1);
  for (const word of words) {
    const has = (list: readonly string[]) => list.map((value) => value.toLowerCase().includes(word));
    const [inName, inKind, inModel] = [has(names), has(kinds), has(models)];
    for (let row = 0; row < layout.count; row++) {
      if (!hits[row]) continue;
      const found =
        inName[columns.name_index[row]!] ||
        inKind[columns.kind[row]!] ||
        inModel[columns.model_index[row]!] ||
        (word === "error" && columns.status[row] === 2) ||
        columns.span_id[row]!.startsWith(word);
      if (!found) hits[row] = 0;
    }
  }
  return hits;
}

const CLOCK_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** A round step in microseconds for about `want` ticks over a window; from a second on, as clocks divide time. */
export function tickStep(windowUs: number, want: number): number {
  const rough = windowUs / Math.max(1, want);
  if (rough > 1_000_000) {
    const step = CLOCK_STEPS_S.find((seconds) => seconds * 1_000_000 >= rough);
    if (step !== undefined) return step * 1_000_000;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const unit = rough / power;
  return (unit <= 1 ? 1 : unit <= 2 ? 2 : unit <= 5 ? 5 : 10) * power;
}
