/** The columns that the span table can show. Their ids stand in the URL. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { SpanSummary } from "../api/types.ts";
import type { Formats } from "../i18n/formats.ts";
import type { MessageKey } from "../i18n/index.tsx";
import { Badge, KindMark, ScoreChip, StatusMark } from "../ui/marks.tsx";
import css from "./table.module.css";
import type { Sort } from "./url.ts";

export interface CellContext {
  project: string;
  fmt: Formats;
}

export interface SpanColumn {
  id: string;
  label: MessageKey;
  /** In pixels; `grow` shares what is left over. */
  width: number;
  grow?: number;
  sort?: Sort;
  end?: boolean;
  cell: (span: SpanSummary, context: CellContext) => ReactNode;
}

const plain = (id: keyof SpanSummary & string, label: MessageKey, width = 120, grow = 0): SpanColumn => ({
  id,
  label,
  width,
  grow,
  cell: (span) => String(span[id] ?? ""),
});

export const SPAN_COLUMNS: SpanColumn[] = [
  {
    id: "time",
    label: "col.time",
    width: 108,
    sort: "start_time",
    cell: (s, { fmt }) => (
      <time dateTime={s.start_time} title={fmt.exact(s.start_time)}>
        {fmt.moment(s.start_time)}
      </time>
    ),
  },
  {
    id: "name",
    label: "col.name",
    width: 150,
    grow: 1,
    cell: (s, { project }) => (
      <span className={css.nameCell}>
        <KindMark kind={s.kind} />
        <Link
          to="/p/$project/traces/$traceId"
          params={{ project, traceId: s.trace_id }}
          search={{ span: s.span_id }}
          tabIndex={-1}
        >
          {s.name}
        </Link>
        <StatusMark status={s.status} quiet />
      </span>
    ),
  },
  plain("input_preview", "col.input", 110, 2),
  plain("output_preview", "col.output", 110, 2),
  plain("model", "col.model", 132),
  {
    id: "duration",
    label: "col.duration",
    width: 82,
    sort: "duration",
    end: true,
    cell: (s, { fmt }) => fmt.duration(s.duration_ms),
  },
  {
    id: "tokens",
    label: "col.tokens",
    width: 78,
    sort: "total_tokens",
    end: true,
    cell: (s, { fmt }) => (s.total_tokens > 0 ? fmt.count(s.total_tokens) : ""),
  },
  {
    id: "cost",
    label: "col.cost",
    width: 96,
    sort: "cost",
    end: true,
    cell: (s, { fmt }) => (s.cost_usd === null ? "" : fmt.cost(s.cost_usd)),
  },
  {
    id: "scores",
    label: "col.scores",
    width: 150,
    cell: (s) => s.scores.slice(0, 3).map((score, index) => <ScoreChip key={index} score={score} />),
  },
  {
    id: "ttft",
    label: "col.ttft",
    width: 90,
    end: true,
    cell: (s, { fmt }) => (s.time_to_first_token_ms === null ? "" : fmt.duration(s.time_to_first_token_ms)),
  },
  plain("user_id", "col.user"),
  plain("session_id", "col.session"),
  plain("environment", "col.environment", 100),
  plain("service_name", "col.service"),
  plain("provider", "col.provider", 100),
  plain("prompt_name", "col.prompt"),
  plain("tool_name", "col.tool"),
  plain("agent_name", "col.agent"),
  {
    id: "tags",
    label: "col.tags",
    width: 140,
    cell: (s) => s.tags.map((tag) => <Badge key={tag}>{tag}</Badge>),
  },
  plain("trace_id", "col.traceId", 150),
];

export const DEFAULT_COLUMNS = [
  "time",
  "name",
  "input_preview",
  "output_preview",
  "duration",
  "tokens",
  "cost",
  "model",
  "scores",
];

export function chosenColumns(cols: string | undefined): SpanColumn[] {
  const wanted = cols ? cols.split(",") : DEFAULT_COLUMNS;
  const chosen = wanted.flatMap((id) => SPAN_COLUMNS.filter((column) => column.id === id));
  return chosen.length > 0 ? chosen : SPAN_COLUMNS.filter((column) => DEFAULT_COLUMNS.includes(column.id));
}

/** The grid template and the least width of a row. */
export function rowShape(columns: SpanColumn[], lead: number): { template: string; width: number } {
  const tracks = columns.map(({ width, grow }) => (grow ? `minmax(${width}px, ${grow}fr)` : `${width}px`));
  return {
    template: `${lead}px ${tracks.join(" ")}`,
    width: columns.reduce((sum, column) => sum + column.width, lead),
  };
}
