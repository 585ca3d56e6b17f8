/** What each guard of a tried call decided, on what, why and how long it took: read from the spans of its trace. */
import { useQueries } from "@tanstack/react-query";
import { useProject } from "../access/project.tsx";
import type { SpanDetail, TraceSkeleton } from "../api/types.ts";
import { spanDetailQuery } from "../trace/api.ts";
import { Badge } from "../ui/marks.tsx";
import { Table } from "../ui/table.tsx";
import { useGateway } from "./text/index.ts";

interface Decision {
  span: string;
  guard: string;
  point: string;
  action: string;
  reason: string;
  durationMs: number;
}

const ACTIONS = ["pass", "observe", "mask", "replace", "block", "error"] as const;
const POINTS = ["input", "output", "stream"] as const;
const TONES: Record<string, "ok" | "warn" | "error"> = { pass: "ok", observe: "warn", block: "error", error: "error" };

/** The guards' spans of a trace, in its order. */
export function guardSpans({ columns, kinds }: TraceSkeleton): string[] {
  return columns.kind.flatMap((index, at) => (kinds[index] === "guardrail" ? [columns.span_id[at]!] : []));
}

function decisionOf(span: SpanDetail): Decision {
  const said = (name: string): string => {
    const value = span.attributes[`kaname.guardrail.${name}`];
    return typeof value === "string" ? value : "";
  };
  return {
    span: span.span_id,
    guard: said("name") || span.name,
    point: said("point"),
    action: said("action"),
    reason: said("reason"),
    durationMs: span.duration_ms,
  };
}

const isOneOf = <T extends string>(values: readonly T[], value: string): value is T =>
  (values as readonly string[]).includes(value);

export function GuardDecisions({ trace }: { trace: TraceSkeleton }) {
  const { g, fmt } = useGateway();
  const { project } = useProject();
  const spans = guardSpans(trace);
  const rows = useQueries({
    queries: spans.map((span) => spanDetailQuery(project.id, trace.trace_id, span, trace.start_time)),
    combine: (answers) => answers.flatMap((answer) => (answer.data ? [decisionOf(answer.data)] : [])),
  });
  if (spans.length === 0) return null;
  const action = (value: string) => (isOneOf(ACTIONS, value) ? g(`decision.${value}`) : value);
  const point = (value: string) => (isOneOf(POINTS, value) ? g(`guardPoint.${value}`) : value);
  return (
    <section>
      <h3>{g("try.guards")}</h3>
      {rows.length < spans.length ? (
        <p role="status">{g("try.guardsWaiting")}</p>
      ) : (
        <Table
          label={g("try.guards")}
          rows={rows}
          rowKey={(row) => row.span}
          columns={[
            { id: "guard", head: g("try.guardName"), cell: (row) => <code>{row.guard}</code> },
            {
              id: "point",
              head: g("try.guardPoint"),
              cell: (row) => point(row.point),
            },
            {
              id: "action",
              head: g("try.guardAction"),
              cell: (row) => <Badge tone={TONES[row.action]}>{action(row.action)}</Badge>,
            },
            {
              id: "reason",
              head: g("try.guardReason"),
              cell: (row) => (row.reason ? <span lang="en">{row.reason}</span> : "–"),
            },
            { id: "time", head: g("try.guardTime"), align: "end", cell: (row) => fmt.duration(row.durationMs) },
          ]}
        />
      )}
    </section>
  );
}
