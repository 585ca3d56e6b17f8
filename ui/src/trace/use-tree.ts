/** The state of the tree: what is folded, found, selected and zoomed to, and how each moves. */
import { type RefObject, useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import type { TraceSkeleton } from "../api/types.ts";
import { buildLayout, findHits, hasChildren, visibleNodes, wholeWindow } from "./layout.ts";
import type { TimeWindowUs, TreeHandle } from "./tree.tsx";
import type { TraceSearch } from "./url.ts";

export function useTree(
  skeleton: TraceSkeleton,
  search: TraceSearch,
  change: (part: Partial<TraceSearch>) => void,
  tree: RefObject<TreeHandle | null>,
) {
  const { columns } = skeleton;
  const layout = useMemo(() => buildLayout(skeleton), [skeleton]);
  const rowOf = useMemo(() => new Map(columns.span_id.map((id, row) => [id, row])), [columns]);
  const whole = useMemo(() => wholeWindow(layout), [layout]);
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());
  const [zoom, setZoom] = useState<TimeWindowUs | null>(null);
  const query = useDeferredValue(search.q ?? "");
  const hits = useMemo(() => findHits(skeleton, layout, query), [skeleton, layout, query]);
  const visible = useMemo(() => visibleNodes(layout, closed, hits), [layout, closed, hits]);
  const selected = search.span ? (rowOf.get(search.span) ?? -1) : (visible[0] ?? -1);

  const select = useCallback(
    (node: number) => {
      const span = columns.span_id[node];
      if (span !== undefined) change({ span });
    },
    [columns, change],
  );
  const toggle = useCallback((node: number) => {
    setClosed((old) => {
      const next = new Set(old);
      if (!next.delete(node)) next.add(node);
      return next;
    });
  }, []);
  const moveTo = (node: number | undefined) => {
    if (node === undefined || node < 0) return;
    select(node);
    tree.current?.scrollTo(visible.indexOf(node));
  };
  // A span that the URL names must be in sight when the page opens.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once per trace
  useEffect(() => tree.current?.scrollTo(visible.indexOf(selected)), []);

  const at = visible.indexOf(selected);
  const moves = {
    step: (by: number) => moveTo(visible[Math.min(visible.length - 1, Math.max(0, at + by))]),
    sibling: (by: number) => {
      const depth = layout.depth[selected] ?? 0;
      for (let i = at + by; i >= 0 && i < visible.length; i += by) {
        const other = layout.depth[visible[i]!]!;
        if (other < depth) return;
        if (other === depth) return moveTo(visible[i]);
      }
    },
    nextError: () => {
      for (let i = 1; i <= visible.length; i++) {
        const node = visible[(at + i) % visible.length]!;
        if (columns.status[node] === 2) return moveTo(node);
      }
    },
    unfold: () => {
      if (closed.has(selected)) toggle(selected);
      else if (hasChildren(layout, selected)) moveTo(layout.childList[layout.childStart[selected]!]);
    },
    fold: () => {
      if (hasChildren(layout, selected) && !closed.has(selected)) toggle(selected);
      else moveTo(layout.parent[selected]);
    },
    foldAll: () => {
      const next = new Set<number>();
      for (let node = 0; closed.size === 0 && node < layout.count; node++)
        if (layout.depth[node]! >= 1 && hasChildren(layout, node)) next.add(node);
      setClosed(next);
    },
    zoomToSelected: () => {
      if (selected < 0) return;
      const from = layout.startUs[selected]!;
      const duration = Math.max(10, layout.durationUs[selected]!);
      setZoom({ from: from - duration * 0.05, to: from + duration * 1.05 });
    },
  };
  return { layout, visible, closed, hits, selected, whole, zoom, setZoom, select, toggle, ...moves };
}

export type Tree = ReturnType<typeof useTree>;
