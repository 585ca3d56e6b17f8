/** Differences between two texts by lines (Myers 1986), with the words that changed within a line. Pure, bounded. */

export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
  /** Line numbers from 1; null on the side that lacks the line. */
  before: number | null;
  after: number | null;
}

const MOST_EDITS = 2000;

const linesOf = (text: string): string[] => {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
};

export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const out: DiffLine[] = [];
  let [i, j] = [0, 0];
  const push = (kind: DiffLine["kind"]) => {
    const text = kind === "added" ? b[j]! : a[i]!;
    out.push({ kind, text, before: kind === "added" ? null : i + 1, after: kind === "removed" ? null : j + 1 });
    if (kind !== "added") i += 1;
    if (kind !== "removed") j += 1;
  };
  for (let n = 0; n < head; n++) push("same");
  for (const kind of script(a.slice(head, a.length - tail), b.slice(head, b.length - tail))) push(kind);
  for (let n = 0; n < tail; n++) push("same");
  return out;
}

/** The shortest edit script; beyond the bound everything is replaced. */
function script(a: string[], b: string[]): DiffLine["kind"][] {
  const replaced = () => [...a.map(() => "removed" as const), ...b.map(() => "added" as const)];
  const most = Math.min(a.length + b.length, MOST_EDITS);
  const trail: Map<number, number>[] = [];
  const reach = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= most; edits++) {
    trail.push(new Map(reach));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return backtrack(trail, a.length, b.length);
    }
  }
  return replaced();
}

function backtrack(trail: Map<number, number>[], endX: number, endY: number): DiffLine["kind"][] {
  const kinds: DiffLine["kind"][] = [];
  let [x, y] = [endX, endY];
  for (let edits = trail.length - 1; edits >= 0; edits--) {
    const reach = trail[edits]!;
    const k = x - y;
    const down = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const from = down ? k + 1 : k - 1;
    const fromX = edits === 0 ? 0 : (reach.get(from) ?? 0);
    const fromY = edits === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) {
      kinds.push("same");
      x -= 1;
      y -= 1;
    }
    if (edits === 0) break;
    kinds.push(down ? "added" : "removed");
    [x, y] = [fromX, fromY];
  }
  return kinds.reverse();
}

export interface DiffRow {
  left: DiffLine | null;
  right: DiffLine | null;
}

/** Side by side: what was removed stands beside what was added for it. */
export function sideBySide(lines: DiffLine[]): DiffRow[] {
  const rows: DiffRow[] = [];
  for (let at = 0; at < lines.length; ) {
    if (lines[at]!.kind === "same") {
      rows.push({ left: lines[at]!, right: lines[at]! });
      at += 1;
      continue;
    }
    const removed: DiffLine[] = [];
    const added: DiffLine[] = [];
    for (; at < lines.length && lines[at]!.kind !== "same"; at++)
      (lines[at]!.kind === "removed" ? removed : added).push(lines[at]!);
    for (let n = 0; n < Math.max(removed.length, added.length); n++)
      rows.push({ left: removed[n] ?? null, right: added[n] ?? null });
  }
  return rows;
}

/** Only what changed and `context` lines around it; a number stands for so many lines left out. */
export function folded<Row>(rows: Row[], changed: (row: Row) => boolean, context = 3): (Row | number)[] {
  const keep = new Set<number>();
  rows.forEach((row, at) => {
    if (changed(row)) for (let n = at - context; n <= at + context; n++) keep.add(n);
  });
  const out: (Row | number)[] = [];
  rows.forEach((row, at) => {
    if (keep.has(at)) out.push(row);
    else if (typeof out.at(-1) === "number") out[out.length - 1] = (out.at(-1) as number) + 1;
    else out.push(1);
  });
  return out;
}

export const countChanges = (lines: DiffLine[]): { added: number; removed: number } => ({
  added: lines.filter((line) => line.kind === "added").length,
  removed: lines.filter((line) => line.kind === "removed").length,
});

/** Both sides' changes to one text, line by line; null where they touch the same place (`diff3` without its table). */
export function merge(base: string, mine: string, theirs: string): string | null {
  const changes = (text: string) => {
    const hunks: { from: number; to: number; lines: string[] }[] = [];
    let at = 0;
    let open = false;
    for (const line of diffLines(base, text)) {
      if (line.kind === "same") {
        at += 1;
        open = false;
        continue;
      }
      if (!open) hunks.push({ from: at, to: at, lines: [] });
      open = true;
      const hunk = hunks.at(-1)!;
      if (line.kind === "removed") {
        at += 1;
        hunk.to = at;
      } else hunk.lines.push(line.text);
    }
    return hunks;
  };
  const [ours, others] = [changes(mine), changes(theirs)];
  const same = (a: (typeof ours)[number], b: (typeof ours)[number]) =>
    a.from === b.from && a.to === b.to && a.lines.join("\n") === b.lines.join("\n");
  const all = [...ours, ...others.filter((b) => !ours.some((a) => same(a, b)))].sort(
    (a, b) => a.from - b.from || a.to - b.to,
  );
  for (let n = 1; n < all.length; n++) if (all[n]!.from <= all[n - 1]!.to) return null;
  const lines = linesOf(base);
  for (const hunk of all.reverse()) lines.splice(hunk.from, hunk.to - hunk.from, ...hunk.lines);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
