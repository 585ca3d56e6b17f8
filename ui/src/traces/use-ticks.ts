/** Rows ticked for comparing: two to six. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";

const MOST = 6;

export function useTicks(project: string) {
  const navigate = useNavigate();
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const tick = useCallback((key: string) => {
    setTicked((old) => {
      const next = new Set(old);
      if (!next.delete(key) && next.size < MOST) next.add(key);
      return next;
    });
  }, []);
  const clear = () => setTicked(new Set());
  const compare = () => {
    if (ticked.size < 2) return;
    void navigate({ to: "/p/$project/compare", params: { project }, search: { ids: [...ticked].join(",") } });
  };
  return { ticked, tick, clear, compare };
}

export type Ticks = ReturnType<typeof useTicks>;
