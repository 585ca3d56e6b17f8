/** The state of the traces screen, as it stands in the URL, and its translation into API parameters. */

export type FilterValue = string | number | boolean | (string | number)[];
export type FilterOp = "eq" | "ne" | "in" | "not_in" | "gt" | "gte" | "lt" | "lte" | "contains" | "exists";
export type Filter = [field: string, op: FilterOp, value: FilterValue];

export const RANGES = ["15m", "1h", "24h", "7d", "30d", "all"] as const;
export type Range = (typeof RANGES)[number];
export const DEFAULT_RANGE: Range = "7d";

export const SORTS = ["start_time", "duration", "cost", "total_tokens"] as const;
export type Sort = (typeof SORTS)[number];

const OPS: FilterOp[] = ["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "contains", "exists"];

export interface TracesSearch {
  q?: string;
  f?: Filter[];
  range?: Range;
  from?: string;
  to?: string;
  sort?: Sort;
  dir?: "asc";
  cols?: string;
  /** `trace.span` of the previewed row. */
  sel?: string;
}

const RANGE_MS: Record<Exclude<Range, "all">, number> = {
  "15m": 900_000,
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 7 * 86_400_000,
  "30d": 30 * 86_400_000,
};

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

function asFilter(value: unknown): Filter | null {
  if (!Array.isArray(value) || value.length !== 3) return null;
  const [field, op, operand] = value as unknown[];
  if (typeof field !== "string" || !OPS.includes(op as FilterOp)) return null;
  const fine = isScalar(operand) || (Array.isArray(operand) && operand.every(isScalar));
  return fine ? [field, op as FilterOp, operand as FilterValue] : null;
}

const isoOrNothing = (value: unknown): string | undefined =>
  typeof value === "string" && !Number.isNaN(Date.parse(value)) ? value : undefined;

const text = (value: unknown): string | undefined => {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** Reads a URL leniently: what isn't understood is dropped, never an error. */
export function readTracesSearch(raw: Record<string, unknown>): TracesSearch {
  const search: TracesSearch = {};
  const filters = Array.isArray(raw.f) ? raw.f.map(asFilter).filter((f): f is Filter => f !== null) : [];
  const from = isoOrNothing(raw.from);
  const to = isoOrNothing(raw.to);
  if (text(raw.q)) search.q = text(raw.q)!;
  if (filters.length > 0) search.f = filters;
  if (from) search.from = from;
  if (to) search.to = to;
  if (!from && !to && RANGES.includes(raw.range as Range) && raw.range !== DEFAULT_RANGE)
    search.range = raw.range as Range;
  if (SORTS.includes(raw.sort as Sort) && raw.sort !== "start_time") search.sort = raw.sort as Sort;
  if (raw.dir === "asc") search.dir = "asc";
  if (text(raw.cols)) search.cols = text(raw.cols)!;
  if (text(raw.sel)) search.sel = text(raw.sel)!;
  return search;
}

export interface TimeWindow {
  from: string | undefined;
  to: string | undefined;
}

/** A preset is open towards now; its start is cut to the minute so that a query key stays the same for a while. */
export function windowFor(search: Pick<TracesSearch, "range" | "from" | "to">, now: number): TimeWindow {
  if (search.from || search.to) return { from: search.from, to: search.to };
  const range = search.range ?? DEFAULT_RANGE;
  if (range === "all") return { from: undefined, to: undefined };
  const start = Math.floor((now - RANGE_MS[range]) / 60_000) * 60_000;
  return { from: new Date(start).toISOString(), to: undefined };
}

export const ERRORS: Filter = ["status", "in", ["error"]];

/** The time range alone, for links from a number to what it counts. */
export const rangeOf = ({ range, from, to }: TracesSearch): TracesSearch => ({
  ...(range && { range }),
  ...(from && { from }),
  ...(to && { to }),
});

/** Whether the reader asked for less than what a screen shows by itself. */
export const isNarrowed = (search: TracesSearch): boolean =>
  Boolean(search.q || search.f?.length || search.from || search.to || (search.range && search.range !== "all"));

export const WIDEST = { q: undefined, f: undefined, from: undefined, to: undefined, range: "all" } as const;

/** Absent rather than undefined, so that equal queries have equal cache keys. */
export interface SpanQuery {
  from?: string;
  to?: string;
  q?: string;
  filter?: string;
}

export function spanQuery(search: TracesSearch, now: number): SpanQuery {
  const { from, to } = windowFor(search, now);
  const filters = (search.f ?? []).map(([field, op, value]) => ({ field, op, value }));
  return {
    ...(from && { from }),
    ...(to && { to }),
    ...(search.q && { q: search.q }),
    ...(filters.length > 0 && { filter: JSON.stringify(filters) }),
  };
}

/** Ticks or unticks one value of a facet; filters on other fields stay. */
export function toggleValue(filters: Filter[], field: string, value: string, op: "in" | "not_in"): Filter[] {
  const opposite = op === "in" ? "not_in" : "in";
  const listed = (f: Filter | undefined): (string | number)[] => (f && Array.isArray(f[2]) ? f[2] : []);
  const current = listed(filters.find((f) => f[0] === field && f[1] === op));
  const next = current.includes(value) ? current.filter((other) => other !== value) : [...current, value];
  const kept = filters
    .filter((f) => !(f[0] === field && f[1] === op))
    .map((f): Filter => {
      if (f[0] !== field || f[1] !== opposite || !Array.isArray(f[2])) return f;
      return [field, opposite, f[2].filter((other) => other !== value)];
    })
    .filter((f) => !(Array.isArray(f[2]) && f[2].length === 0));
  return next.length > 0 ? [...kept, [field, op, next]] : kept;
}

export const splitPick = (pick: string): { traceId: string; spanId: string } => {
  const [traceId = "", spanId = ""] = pick.split(".");
  return { traceId, spanId };
};
