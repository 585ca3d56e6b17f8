/** Rows ticked for comparing: two to six. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";

const MOST = 6;

const SCREENS = { spans: "/p/$project/compare", sessions: "/p/$project/compare-sessions" } as const;

export function useTicks(project: string, what: keyof typeof SCREENS = "spans") {
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
    void navigate({
      to: SCREENS[what],
      params: { project },
      search: { ids: [...ticked].map(encodeURIComponent).join(",") },
    });
  };
  return { ticked, tick, clear, compare };
}

export type Ticks = ReturnType<typeof useTicks>;
