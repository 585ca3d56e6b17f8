/** Whether a live span passes the filters of the URL. The stream carries every span; the narrowing happens here. */
import type { SpanSummary } from "../api/types.ts";
import type { Filter, FilterValue } from "../traces/url.ts";

function compare(value: unknown, op: Filter[1], wanted: FilterValue): boolean {
  const values = (Array.isArray(value) ? value : [value ?? ""]).map(String);
  const list = (Array.isArray(wanted) ? wanted : [wanted]).map(String);
  switch (op) {
    case "eq":
    case "in":
      return values.some((one) => list.includes(one));
    case "ne":
    case "not_in":
      return !values.some((one) => list.includes(one));
    case "contains":
      return values.some((one) => one.toLowerCase().includes(list[0]!.toLowerCase()));
    case "exists":
      return values.some((one) => one !== "") === (wanted !== false);
    case "gt":
      return Number(value) > Number(wanted);
    case "gte":
      return Number(value) >= Number(wanted);
    case "lt":
      return Number(value) < Number(wanted);
    case "lte":
      return Number(value) <= Number(wanted);
  }
}

/** Fields that a summary doesn't carry (metadata, scores) let a span pass: it is better seen than missed. */
export function passes(span: SpanSummary, filters: Filter[], q: string | undefined): boolean {
  const fields = span as Record<string, unknown>;
  if (!filters.every(([field, op, value]) => !(field in fields) || compare(fields[field], op, value))) return false;
  if (!q) return true;
  const text = `${span.name} ${span.input_preview} ${span.output_preview}`.toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
