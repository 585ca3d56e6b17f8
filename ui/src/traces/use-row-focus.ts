/** Which row of a span table is in focus (in the URL), how it moves, and opening its trace. */
import { useNavigate } from "@tanstack/react-router";
import { type RefObject, useCallback } from "react";
import type { SpanSummary } from "../api/types.ts";
import { type SpanTableHandle, spanKey } from "./table.tsx";
import { useSearchChange } from "./use-span-list.ts";

export function useRowFocus(
  project: string,
  spans: SpanSummary[],
  sel: string | undefined,
  table: RefObject<SpanTableHandle | null>,
) {
  const navigate = useNavigate();
  const change = useSearchChange();
  const index = sel ? spans.findIndex((span) => spanKey(span) === sel) : -1;
  const select = useCallback(
    (at: number) => {
      const span = spans[at];
      if (span) change({ sel: spanKey(span) }, true);
    },
    [spans, change],
  );
  const open = useCallback(
    (at: number) => {
      const span = spans[at];
      if (!span) return;
      void navigate({
        to: "/p/$project/traces/$traceId",
        params: { project, traceId: span.trace_id },
        search: { span: span.span_id },
      });
    },
    [spans, navigate, project],
  );
  const move = (step: number) => {
    const next = Math.min(spans.length - 1, Math.max(0, index + step));
    select(next);
    table.current?.scrollTo(next);
  };
  return { index, span: spans[index], select, open, move };
}
