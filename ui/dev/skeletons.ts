/** Skeletons of traces, small ones from made spans and huge ones for measuring. */
import type { SpanKind, TraceSkeleton } from "../src/api/types.ts";
import { hex, type MadeSpan, random } from "./data.ts";

export const KINDS: SpanKind[] = [
  "span",
  "llm",
  "embedding",
  "retriever",
  "reranker",
  "tool",
  "agent",
  "chain",
  "guardrail",
  "evaluator",
  "event",
];

interface Row {
  id: string;
  parent: number;
  depth: number;
  name: string;
  kind: SpanKind;
  start: number;
  duration: number;
  status: number;
  model: string;
  tokens: number;
  cost: number;
  missing: number;
}

function assemble(traceId: string, startIso: string, rows: Row[], extra: Partial<TraceSkeleton>): TraceSkeleton {
  const names = [...new Set(["", ...rows.map((row) => row.name)])];
  const models = [...new Set(["", ...rows.map((row) => row.model)])];
  const nameAt = new Map(names.map((name, index) => [name, index]));
  const modelAt = new Map(models.map((name, index) => [name, index]));
  const end = rows.reduce((most, row) => Math.max(most, row.start + row.duration), 0);
  return {
    trace_id: traceId,
    span_count: rows.length,
    truncated: false,
    start_time: startIso,
    duration_ms: end / 1000,
    total_tokens: rows.reduce((sum, row) => sum + row.tokens, 0),
    cost_usd: rows.reduce((sum, row) => sum + row.cost, 0).toFixed(6),
    error_count: rows.filter((row) => row.status === 2).length,
    session_id: "",
    user_id: "",
    names,
    models,
    kinds: KINDS,
    columns: {
      span_id: rows.map((row) => row.id),
      parent_index: rows.map((row) => row.parent),
      depth: rows.map((row) => row.depth),
      name_index: rows.map((row) => nameAt.get(row.name)!),
      kind: rows.map((row) => KINDS.indexOf(row.kind)),
      start_us: rows.map((row) => row.start),
      duration_us: rows.map((row) => row.duration),
      status: rows.map((row) => row.status),
      level: rows.map(() => 0),
      model_index: rows.map((row) => modelAt.get(row.model)!),
      total_tokens: rows.map((row) => row.tokens),
      cost_usd: rows.map((row) => row.cost),
      missing: rows.map((row) => row.missing),
    },
    scores: [],
    missing_parents: rows.filter((row) => row.missing === 1).length,
    ...extra,
  };
}

export function skeletonOf(spans: MadeSpan[]): TraceSkeleton {
  const start = Date.parse(spans[0]!.start_time);
  const at = new Map(spans.map((span, index) => [span.span_id, index]));
  const depths: number[] = [];
  const rows = spans.map((span, index): Row => {
    const parent = at.get(span.parent_span_id) ?? -1;
    depths[index] = parent < 0 ? 0 : depths[parent]! + 1;
    return {
      id: span.span_id,
      parent,
      depth: depths[index]!,
      name: span.name,
      kind: span.kind,
      start: Math.round((Date.parse(span.start_time) - start) * 1000),
      duration: Math.round(span.duration_ms * 1000),
      status: span.status === "error" ? 2 : span.status === "ok" ? 1 : 0,
      model: span.model,
      tokens: span.total_tokens,
      cost: Number(span.cost_usd ?? 0),
      missing: 0,
    };
  });
  return assemble(spans[0]!.trace_id, spans[0]!.start_time, rows, {
    session_id: spans[0]!.session_id,
    user_id: spans[0]!.user_id,
  });
}

/** A long agent run: loops of steps with tools and generations, one lost parent. */
export function hugeSkeleton(traceId: string, count: number): TraceSkeleton {
  const next = random(count);
  const rows: Row[] = [];
  const push = (parent: number, name: string, kind: SpanKind, start: number, duration: number, missing = 0): number => {
    const llm = kind === "llm";
    rows.push({
      id: hex(next, 16),
      parent,
      depth: parent < 0 ? 0 : rows[parent]!.depth + 1,
      name,
      kind,
      start,
      duration,
      status: next() < 0.01 ? 2 : 0,
      model: llm ? "gpt-5.2-mini" : "",
      tokens: llm ? Math.floor(next() * 3000) : 0,
      cost: llm ? next() / 1000 : 0,
      missing,
    });
    return rows.length - 1;
  };
  const step = 900_000;
  const root = push(-1, "long_running_agent", "agent", 0, Math.ceil(count / 9) * step);
  for (let at = 0, i = 0; rows.length < count - 3; at += step, i++) {
    const loop = push(root, `step ${i % 500}`, "chain", at, step * 0.95);
    push(loop, "chat gpt-5.2-mini", "llm", at + 20_000, 300_000);
    const tool = push(loop, ["read_file", "search_web", "run_tests"][i % 3]!, "tool", at + 340_000, 400_000);
    for (let k = 0; k < 5; k++) push(tool, `http GET /part/${k}`, "span", at + 350_000 + k * 60_000, 50_000);
    push(loop, "check_policy", "guardrail", at + 800_000, 20_000);
  }
  const lost = push(-1, "", "span", 100_000, 500_000, 1);
  push(lost, "orphaned call", "llm", 100_000, 500_000);
  return assemble(traceId, new Date(Date.now() - 3_600_000).toISOString(), rows, {});
}
