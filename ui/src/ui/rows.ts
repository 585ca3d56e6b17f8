/** Windowing for rows of one height: no measuring and no per-row bookkeeping, so 100k rows cost nothing until seen. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

export interface RowWindow {
  start: number;
  end: number;
  height: number;
  scrollTo: (index: number) => void;
}

const OVERSCAN = 6;

export function windowOf(scrollTop: number, viewport: number, rowHeight: number, count: number): [number, number] {
  const start = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const end = Math.min(count, Math.ceil((scrollTop + viewport) / rowHeight) + OVERSCAN);
  return [Math.min(start, end), end];
}

/** `head` is the height of a sticky header inside the scroller. */
export function useRowWindow(
  ref: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
  head = 0,
): RowWindow {
  const [range, setRange] = useState<[number, number]>([0, Math.min(count, 60)]);
  const countRef = useRef(count);
  countRef.current = count;
  const update = useCallback(() => {
    const element = ref.current;
    if (!element) return;
    const next = windowOf(element.scrollTop, element.clientHeight, rowHeight, countRef.current);
    // Shift only when the view comes near an end of what is rendered: most scroll events then cost no render.
    setRange((now) => {
      const first = Math.floor(element.scrollTop / rowHeight);
      const last = Math.min(countRef.current, Math.ceil((element.scrollTop + element.clientHeight) / rowHeight));
      const inside = now[0] <= Math.max(0, first - 2) && now[1] >= Math.min(countRef.current, last + 2);
      return inside && now[1] <= countRef.current ? now : next;
    });
  }, [ref, rowHeight]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new count must re-window
  useLayoutEffect(update, [update, count]);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(update);
    observer.observe(element);
    element.addEventListener("scroll", update, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", update);
    };
  }, [ref, update]);
  const scrollTo = useCallback(
    (index: number) => {
      const element = ref.current;
      if (!element || index < 0) return;
      const top = index * rowHeight;
      const room = element.clientHeight - head;
      if (top < element.scrollTop) element.scrollTop = Math.max(0, top - rowHeight * 2);
      else if (top + rowHeight > element.scrollTop + room) element.scrollTop = top + rowHeight * 3 - room;
    },
    [ref, rowHeight, head],
  );
  return { start: Math.min(range[0], count), end: Math.min(range[1], count), height: count * rowHeight, scrollTo };
}
