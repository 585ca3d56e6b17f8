/** Where the parts of a route stand in its graph: model → condition → arm → targets → fallbacks, mirror below. Pure. */
import { FALLBACKS, type FallbackKind } from "./fallbacks.ts";
import type { Path, Route, Step, Target } from "./routes-model.ts";

export type NodeKind = "model" | "when" | "arm" | "target" | "fallback" | "mirror";

export interface GraphNode {
  /** Stable while the route keeps its shape; also the URL's word for what is selected. */
  id: string;
  kind: NodeKind;
  x: number;
  y: number;
  width: number;
  path: Path;
  label: string;
  step: number;
  target: Target | null;
  arm: string;
  weight: number;
  /** Share of its siblings' weight, 0 to 1; null where nothing is shared out. */
  share: number | null;
  fallback: FallbackKind | null;
  order: number;
}

export interface Edge {
  from: string;
  to: string;
  style: "line" | "fallback" | "mirror";
}

export interface Graph {
  nodes: GraphNode[];
  edges: Edge[];
  width: number;
  height: number;
}

/** What the parts of a column need to be legible: name, condition, arm, target, fallback. */
const COLUMN_WIDTHS = [116, 142, 88, 152, 152];
const GAP_X = 22;
const MOST_STRETCH = 1.5;
export const NODE_HEIGHT = 68;
const ROW = NODE_HEIGHT + 12;

interface Draft extends Omit<GraphNode, "x" | "y" | "width"> {
  column: number;
  row: number;
}

const blank = { target: null, arm: "", weight: 1, share: null, fallback: null, order: 0 } as const;

/** `room`: the width that there is; columns stretch to it a little, and never shrink below what is legible. */
export function layOut(route: Route, room = 0): Graph {
  const drafts: Draft[] = [];
  const edges: Edge[] = [];
  let row = 0;
  for (const [index, step] of route.steps.entries()) row = placeStep(step, index, row, drafts, edges, route);
  const rows = Math.max(1, row);
  drafts.unshift({
    ...blank,
    id: "model",
    kind: "model",
    path: route.path,
    label: route.name,
    step: -1,
    column: 0,
    row: (rows - 1) / 2,
  });
  const columns = closeUp(drafts);
  const least = columns.reduce((sum, column) => sum + COLUMN_WIDTHS[column]!, 0);
  const gaps = GAP_X * (columns.length - 1);
  const stretch = Math.min(MOST_STRETCH, Math.max(1, (room - gaps) / least));
  const widths = columns.map((column) => Math.floor(COLUMN_WIDTHS[column]! * stretch));
  const lefts = widths.map((_, at) => widths.slice(0, at).reduce((sum, width) => sum + width + GAP_X, 0));
  const nodes = drafts.map(({ column, row: at, ...node }) => {
    const index = columns.indexOf(column);
    return { ...node, x: lefts[index]!, y: at * ROW, width: widths[index]! };
  });
  const width = widths.reduce((sum, each) => sum + each, gaps);
  return { nodes, edges, width, height: rows * ROW - (ROW - NODE_HEIGHT) };
}

/** The columns in use: a route without a split has no gap where its arms would be. */
const closeUp = (drafts: Draft[]): number[] => [...new Set(drafts.map((draft) => draft.column))].sort((a, b) => a - b);

function placeStep(step: Step, index: number, first: number, drafts: Draft[], edges: Edge[], route: Route): number {
  const own = `s${index}`;
  const bare = route.steps.length === 1 && step.when === "";
  const head = bare ? "model" : own;
  const centres: number[] = [];
  const exits: string[] = [];
  let row = first;
  const armWeight = step.arms.reduce((sum, arm) => sum + arm.weight, 0);
  for (const arm of step.arms) {
    const start = row;
    const source = step.split ? `${own}.arm.${arm.name}` : head;
    const weights = arm.targets.reduce((sum, target) => sum + target.weight, 0);
    for (const [at, target] of arm.targets.entries()) {
      const id = `${own}.${arm.name}.t${at}`;
      const share = arm.targets.length > 1 && weights > 0 ? target.weight / weights : null;
      drafts.push({
        ...blank,
        id,
        kind: "target",
        path: target.path,
        label: target.use,
        step: index,
        target,
        arm: arm.name,
        weight: target.weight,
        share,
        column: 3,
        row,
      });
      edges.push({ from: source, to: id, style: "line" });
      exits.push(id);
      row += 1;
    }
    if (row === start) row += 1;
    const centre = (start + row - 1) / 2;
    centres.push(centre);
    if (!step.split) continue;
    const share = armWeight > 0 ? arm.weight / armWeight : 0;
    drafts.push({
      ...blank,
      id: source,
      kind: "arm",
      path: [...step.path, "split", "arms", arm.name],
      label: arm.name,
      step: index,
      arm: arm.name,
      weight: arm.weight,
      share,
      column: 2,
      row: centre,
    });
    edges.push({ from: head, to: source, style: "line" });
  }
  const after = placeMirror(step, index, row, drafts, edges, head);
  const last = placeFallbacks(step, index, first, drafts, edges, exits);
  if (!bare) {
    const centre = ((centres[0] ?? first) + (centres.at(-1) ?? first)) / 2;
    drafts.push({
      ...blank,
      id: own,
      kind: "when",
      path: step.path,
      label: step.when,
      step: index,
      column: 1,
      row: centre,
    });
    edges.push({ from: "model", to: own, style: "line" });
  }
  return Math.max(after, last);
}

function placeMirror(step: Step, index: number, row: number, drafts: Draft[], edges: Edge[], head: string): number {
  if (!step.mirror) return row;
  const id = `s${index}.mirror`;
  drafts.push({
    ...blank,
    id,
    kind: "mirror",
    path: step.mirror.path,
    label: step.mirror.use,
    step: index,
    share: step.mirror.sample,
    column: 3,
    row,
  });
  edges.push({ from: head, to: id, style: "mirror" });
  return row + 1;
}

function placeFallbacks(
  step: Step,
  index: number,
  first: number,
  drafts: Draft[],
  edges: Edge[],
  exits: string[],
): number {
  let row = first;
  for (const kind of FALLBACKS) {
    let previous: string | null = null;
    for (const [at, target] of step.fallbacks[kind].entries()) {
      const id = `s${index}.${kind}.${at}`;
      drafts.push({
        ...blank,
        id,
        kind: "fallback",
        path: target.path,
        label: target.use,
        step: index,
        target,
        fallback: kind,
        order: at + 1,
        column: 4,
        row,
      });
      const sources: string[] = previous === null ? exits : [previous];
      for (const from of sources) edges.push({ from, to: id, style: "fallback" });
      previous = id;
      row += 1;
    }
  }
  return row;
}

/** The node that lies in a direction: the nearest whose centre is further that way. */
export function neighbour(graph: Graph, id: string, direction: "left" | "right" | "up" | "down"): string | null {
  const here = graph.nodes.find((node) => node.id === id);
  if (!here) return null;
  const sideways = direction === "left" || direction === "right";
  const sign = direction === "right" || direction === "down" ? 1 : -1;
  let best: GraphNode | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const node of graph.nodes) {
    const along = sign * (sideways ? node.x - here.x : node.y - here.y);
    const across = Math.abs(sideways ? node.y - here.y : node.x - here.x);
    if (along <= 0) continue;
    const cost = along + 3 * across;
    if (cost < least) [best, least] = [node, cost];
  }
  return best?.id ?? null;
}

/** An edge as a path between two nodes; one that goes straight down (a later fallback) leaves at the bottom. */
export function edgePath(from: GraphNode, to: GraphNode): string {
  if (from.x === to.x) {
    const x = from.x + from.width / 2;
    return `M${x} ${from.y + NODE_HEIGHT}V${to.y}`;
  }
  const [x1, y1] = [from.x + from.width, from.y + NODE_HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
  const bend = Math.min(60, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
