/**
 * A stand-in for the server while working on the UI: `npm run mock`. Made-up data, no persistence, never shipped.
 * Traces `…30000` and `…100000` (32 digits) are huge, for measuring.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { Score, SpanSummary } from "../src/api/types.ts";
import { type MadeSpan, makeTrace } from "./data.ts";
import { hugeSkeleton, skeletonOf } from "./skeletons.ts";

const PROJECT = "prj_demo";
const PERMISSIONS = [
  "traces:read",
  "traces:write",
  "traces:export",
  "scores:read",
  "scores:write",
  "scores:delete",
  "gateway:call",
  "models:read",
  "models:manage",
  "prices:read",
  "prices:manage",
  "keys:read",
  "keys:manage",
  "project:read",
  "project:manage",
  "members:read",
  "members:manage",
  "audit:read",
  "organization:read",
  "system:read",
];

function buildState() {
  const now = Date.now();
  const spans: MadeSpan[] = [];
  for (let i = 0; i < 400; i++) spans.push(...makeTrace(i, now - i * 17 * 60_000 - 120_000));
  spans.sort((a, b) => b.start_time.localeCompare(a.start_time));
  return {
    signedIn: false,
    spans,
    scores: [] as Score[],
    keys: [] as Record<string, unknown>[],
    prices: [] as Record<string, unknown>[],
    views: [] as Record<string, unknown>[],
    empty: false,
  };
}
type State = ReturnType<typeof buildState>;

const ME = {
  principal: { kind: "user", id: "usr_1", name: "Aki Mori" },
  user: { id: "usr_1", email: "aki@example.com", name: "Aki Mori" },
  csrf_token: "csrf",
  organizations: [
    {
      id: "org_1",
      name: "Acme",
      role: "owner",
      permissions: PERMISSIONS,
      projects: [
        { id: PROJECT, name: "Demo", role: "owner", permissions: PERMISSIONS },
        { id: "prj_empty", name: "Empty project", role: "owner", permissions: PERMISSIONS },
      ],
    },
  ],
};

type Filter = { field: string; op: string; value: unknown };

function matches(span: MadeSpan, filter: Filter): boolean {
  if (filter.field.startsWith("score.")) {
    const score = span.scores.find((candidate) => candidate.name === filter.field.slice(6));
    return (
      score !== undefined &&
      (filter.op === "exists" || (filter.op === "lt" && (score.value ?? 0) < Number(filter.value)))
    );
  }
  const value = (span as unknown as Record<string, unknown>)[filter.field];
  const values = Array.isArray(value) ? value.map(String) : [String(value ?? "")];
  switch (filter.op) {
    case "eq":
      return values.includes(String(filter.value));
    case "in":
      return (filter.value as string[]).some((wanted) => values.includes(wanted));
    case "not_in":
      return !(filter.value as string[]).some((wanted) => values.includes(wanted));
    case "gte":
      return Number(value) >= Number(filter.value);
    case "lt":
      return Number(value) < Number(filter.value);
    case "contains":
      return values.some((one) => one.includes(String(filter.value)));
    default:
      return true;
  }
}

function select(state: State, project: string, query: URLSearchParams, except?: string): MadeSpan[] {
  if (project !== PROJECT) return [];
  const filters = (JSON.parse(query.get("filter") ?? "[]") as Filter[]).filter((filter) => filter.field !== except);
  const q = query.get("q")?.toLowerCase();
  const from = query.get("from") ?? "";
  const to = query.get("to") ?? "9";
  return state.spans.filter(
    (span) =>
      span.start_time >= from &&
      span.start_time < to &&
      filters.every((filter) => matches(span, filter)) &&
      (!q || `${span.name} ${span.input_preview} ${span.output_preview}`.toLowerCase().includes(q)),
  );
}

const summary = ({ input_messages: _in, output_messages: _out, status_message: _m, ...span }: MadeSpan): SpanSummary =>
  span;

function page<T>(items: T[], query: URLSearchParams): { items: T[]; next_cursor: string | null } {
  const at = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return { items: items.slice(at, at + limit), next_cursor: at + limit < items.length ? String(at + limit) : null };
}

function histogram(spans: MadeSpan[]) {
  if (spans.length === 0) return { interval_ms: 60_000, buckets: [] };
  const times = spans.map((span) => Date.parse(span.start_time));
  const [low, high] = [Math.min(...times), Math.max(...times)];
  const interval = Math.max(1000, Math.ceil((high - low + 1) / 60));
  const buckets = Array.from({ length: 60 }, (_, i) => ({
    time: new Date(low + i * interval).toISOString(),
    count: 0,
    errors: 0,
    cost_usd: "0",
    p50_ms: null as number | null,
    p95_ms: null as number | null,
  }));
  for (const [i, span] of spans.entries()) {
    const bucket = buckets[Math.min(59, Math.floor((times[i]! - low) / interval))]!;
    bucket.count += 1;
    if (span.status === "error") bucket.errors += 1;
    bucket.p50_ms = span.duration_ms;
    bucket.p95_ms = Math.max(bucket.p95_ms ?? 0, span.duration_ms);
  }
  return { interval_ms: interval, buckets };
}

function facets(state: State, project: string, query: URLSearchParams) {
  const fields = (query.get("fields") ?? "").split(",");
  return {
    total: select(state, project, query).length,
    facets: fields.map((field) => {
      const counts = new Map<string, number>();
      for (const span of select(state, project, query, field)) {
        const value = (span as unknown as Record<string, unknown>)[field];
        for (const one of Array.isArray(value) ? value : [value]) {
          if (one !== "" && one != null) counts.set(String(one), (counts.get(String(one)) ?? 0) + 1);
        }
      }
      const values = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
      return { field, values: values.slice(0, 20), truncated: values.length > 20 };
    }),
  };
}

function detail(state: State, span: MadeSpan) {
  const payload = (messages: unknown, preview: string) => {
    const textOf = messages ? JSON.stringify(messages) : preview;
    return {
      format: messages ? "messages" : preview.startsWith("{") ? "json" : "text",
      text: textOf,
      truncated: false,
      bytes: textOf.length,
    };
  };
  const usage: Record<string, number> = span.input_tokens
    ? { input_uncached: span.input_tokens - 40, cache_read: 40, output_text: span.output_tokens }
    : {};
  return {
    ...span,
    operation: span.kind === "llm" ? "chat" : "",
    request_model: span.model,
    response_model: span.model,
    response_id: span.kind === "llm" ? `resp_${span.span_id}` : "",
    model_parameters: span.kind === "llm" ? { temperature: 0.2, max_tokens: 400 } : null,
    finish_reasons: span.kind === "llm" ? ["stop"] : [],
    prompt_version: span.prompt_name ? "3" : "",
    release: "2026.11",
    version: "",
    metadata: { tenant: "acme" },
    usage,
    usage_reported: {},
    cost: span.cost_usd ? { input_uncached: span.cost_usd } : {},
    price_id: span.cost_usd ? "snapshot:2026-11-20:gpt-5.2-mini" : "",
    input: payload(span.input_messages, span.input_preview),
    output: payload(span.output_messages, span.output_preview),
    tool_definitions:
      span.kind === "llm" ? [{ type: "function", name: "lookup_setting", parameters: { type: "object" } }] : null,
    documents:
      span.kind === "retriever"
        ? [
            {
              id: "docs/en/settings.md",
              score: 0.912,
              content: "`server.port` (default 8700) is the port the server listens on.",
              metadata: { lang: "en" },
            },
            {
              id: "docs/ja/settings.md",
              score: 0.844,
              content: "`server.port`（既定 8700）はサーバーが待ち受けるポートです。",
              metadata: { lang: "ja" },
            },
          ]
        : null,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": span.model,
      "server.port": 8700,
      nested: { a: [1, 2, 3] },
    },
    resource: { "service.name": span.service_name, "telemetry.sdk.language": "python" },
    scope_name: "kaname_sdk",
    scope_version: "0.1.0",
    events:
      span.status === "error"
        ? [
            {
              name: "exception",
              time: span.start_time,
              attributes: { "exception.type": "TimeoutError", "exception.message": span.status_message },
              body: null,
            },
          ]
        : [],
    links: [],
    log_records: [],
    scores: state.scores.filter((score) => score.span_id === span.span_id),
    dialects: ["otel_genai"],
  };
}

const turnsOf = (spans: MadeSpan[]) =>
  spans
    .filter((span) => span.kind === "llm")
    .flatMap((span, index) => {
      const inputs = index === 0 ? (span.input_messages ?? []) : (span.input_messages ?? []).slice(-1);
      const turn = (message: { role: string; parts: unknown[] }, out: boolean) => ({
        trace_id: span.trace_id,
        span_id: span.span_id,
        role: message.role,
        parts: message.parts,
        time: span.start_time,
        model: out ? span.model : "",
        tokens: out ? span.output_tokens : 0,
        is_new: true,
      });
      return [
        ...inputs.map((message) => turn(message, false)),
        ...(span.output_messages ?? []).map((message) => turn(message, true)),
      ];
    });

function group(spans: MadeSpan[], key: "session_id" | "user_id" | "trace_id") {
  const groups = new Map<string, MadeSpan[]>();
  for (const span of spans) groups.set(span[key], [...(groups.get(span[key]) ?? []), span]);
  return [...groups].map(([id, all]) => {
    const roots = all.filter((span) => span.is_root);
    const times = all.map((span) => span.start_time).sort();
    return {
      id,
      session_id: all[0]!.session_id,
      user_id: all[0]!.user_id,
      trace_id: all[0]!.trace_id,
      name: roots[0]?.name ?? "",
      duration_ms: roots[0]?.duration_ms ?? 0,
      trace_count: new Set(all.map((span) => span.trace_id)).size,
      session_count: new Set(all.map((span) => span.session_id)).size,
      span_count: all.length,
      error_count: all.filter((span) => span.status === "error").length,
      llm_count: all.filter((span) => span.kind === "llm").length,
      start_time: times[0]!,
      end_time: times.at(-1)!,
      first_seen: times[0]!,
      last_seen: times.at(-1)!,
      total_tokens: all.reduce((sum, span) => sum + span.total_tokens, 0),
      cost_usd: all.reduce((sum, span) => sum + Number(span.cost_usd ?? 0), 0).toFixed(6),
      environment: all[0]!.environment,
      input_preview: roots.at(-1)?.input_preview ?? "",
      output_preview: roots.at(-1)?.output_preview ?? "",
      scores: roots.flatMap((span) => span.scores),
    };
  });
}

class Refusal {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly hint = "",
  ) {}
}

function projectRoute(
  state: State,
  method: string,
  project: string,
  rest: string,
  query: URLSearchParams,
  body: Record<string, unknown>,
): unknown {
  const trace = /^traces\/([0-9a-f]+)(?:\/(.*))?$/.exec(rest);
  if (trace) {
    const huge = /^0*(30000|100000)$/.exec(trace[1]!);
    if (huge && !trace[2]) return hugeSkeleton(trace[1]!, Number(huge[1]));
    const spans = huge
      ? makeTrace(1, Date.now())
      : state.spans
          .filter((span) => span.trace_id === trace[1])
          .sort((a, b) => a.start_time.localeCompare(b.start_time));
    if (spans.length === 0) throw new Refusal(404, "not_found", `trace '${trace[1]}' doesn't exist in this project`);
    if (!trace[2]) return { ...skeletonOf(spans), scores: state.scores };
    if (trace[2] === "transcript") return { turns: turnsOf(spans), truncated: false };
    const id = trace[2].split("/")[1];
    return detail(state, spans.find((span) => span.span_id === id) ?? { ...spans[3]!, span_id: id! });
  }
  const selected = () => select(state, project, query);
  switch (`${method} ${rest}`) {
    case "GET spans": {
      const order = {
        start_time: "start_time",
        duration: "duration_ms",
        cost: "cost_usd",
        total_tokens: "total_tokens",
      }[query.get("order") ?? "start_time"]!;
      const sign = query.get("dir") === "asc" ? 1 : -1;
      const value = (span: MadeSpan) =>
        order === "start_time"
          ? Date.parse(span.start_time)
          : Number((span as unknown as Record<string, unknown>)[order] ?? 0);
      return page(
        selected()
          .sort((a, b) => sign * (value(a) - value(b)))
          .map(summary),
        query,
      );
    }
    case "GET spans/facets":
      return facets(state, project, query);
    case "GET spans/histogram":
      return histogram(selected());
    case "GET sessions":
      return page(group(selected(), "session_id"), query);
    case "GET users":
      return page(group(selected(), "user_id"), query);
    case "GET scores":
      return page([...state.scores].reverse(), query);
    case "GET scores/summary":
      return { items: summaries(state, project), truncated: false };
    case "POST scores": {
      const target = body.target as Record<string, string>;
      const score = {
        ...body,
        value: body.value ?? null,
        label: body.label ?? null,
        text: body.text ?? null,
        explanation: body.explanation ?? "",
        id: `scr_${state.scores.length}`,
        author_name: "Aki Mori",
        session_id: "",
        created_at: new Date().toISOString(),
        trace_id: target.trace_id,
        span_id: target.span_id,
      } as unknown as Score;
      state.scores.push(score);
      return score;
    }
    case "GET keys":
      return { items: state.keys, next_cursor: null };
    case "POST keys": {
      const key = {
        id: `key_${state.keys.length}`,
        public_key: "kn-pk-abcdefghij2345678901",
        scopes: ["traces:write", "traces:read"],
        created_by: "Aki",
        expires_at: null,
        last_used_at: null,
        created_at: new Date().toISOString(),
        ...body,
      };
      state.keys.push(key);
      return { ...key, secret_key: `kn-sk-abcdefghij2345678901-${"k7m3".repeat(10)}` };
    }
    case "GET prices":
      return { items: state.prices, next_cursor: null };
    case "POST prices":
      state.prices.push({ id: `prc_${state.prices.length}`, created_at: new Date().toISOString(), ...body });
      return state.prices.at(-1);
    case "GET ingest/notices":
      return page(
        [
          {
            id: "n1",
            time: new Date().toISOString(),
            kind: "spans_rejected",
            count: 3,
            message: "3 spans had an all-zero trace id",
            details: { service: "assistant" },
          },
        ],
        query,
      );
  }
  const session = /^sessions\/(.+)$/.exec(rest);
  if (session) {
    const spans = state.spans
      .filter((span) => span.session_id === decodeURIComponent(session[1]!))
      .sort((a, b) => a.start_time.localeCompare(b.start_time));
    if (spans.length === 0) throw new Refusal(404, "not_found", "no such session");
    return {
      ...group(spans, "session_id")[0],
      traces: group(spans, "trace_id"),
      turns: turnsOf(spans),
      truncated: false,
      scores: [],
    };
  }
  const score = /^scores\/(.+)$/.exec(rest);
  if (method === "DELETE" && score) {
    state.scores = state.scores.filter((one) => one.id !== score[1]);
    return undefined;
  }
  const key = /^keys\/(.+)$/.exec(rest);
  if (method === "DELETE" && key) {
    state.keys = state.keys.filter((one) => one.id !== key[1]);
    return undefined;
  }
  throw new Refusal(404, "not_found", `${method} ${rest} isn't in the mock`, "Add it to ui/dev/mock.ts.");
}

function summaries(state: State, project: string) {
  if (project !== PROJECT) return [];
  const thumbs = state.spans.flatMap((span) => span.scores);
  const up = thumbs.filter((score) => score.value === 1).length;
  return [
    {
      name: "f1",
      data_type: "numeric",
      n: 240,
      mean: 0.612,
      interval_low: 0.571,
      interval_high: 0.652,
      bins: [4, 9, 14, 30, 42, 61, 38, 22, 12, 8].map((count, i) => ({ low: i / 10, high: (i + 1) / 10, count })),
      labels: [],
      sources: [{ source: "code", count: 240 }],
    },
    {
      name: "thumbs",
      data_type: "boolean",
      n: thumbs.length,
      mean: up / thumbs.length,
      interval_low: 0.42,
      interval_high: 0.58,
      bins: [
        { low: 0, high: 0.5, count: thumbs.length - up },
        { low: 0.5, high: 1, count: up },
      ],
      labels: [],
      sources: [{ source: "user", count: thumbs.length }],
    },
    {
      name: "tone",
      data_type: "categorical",
      n: 90,
      mean: null,
      interval_low: null,
      interval_high: null,
      bins: [],
      labels: [
        { label: "polite", count: 61 },
        { label: "neutral", count: 24 },
        { label: "curt", count: 5 },
      ],
      sources: [
        { source: "llm", count: 60 },
        { source: "human", count: 30 },
      ],
    },
  ];
}

const SYSTEM = {
  version: "0.1.0",
  sql_engine: "sqlite",
  columns_engine: "embedded",
  processes: [
    { name: "server", state: "ready", pid: 101, restarts: 0, memory_bytes: 92e6 },
    { name: "worker", state: "ready", pid: 102, restarts: 0, memory_bytes: 71e6 },
    { name: "engine", state: "restarting", pid: 103, restarts: 1, memory_bytes: 231e6 },
  ],
  journal: { bytes: 12_400_000, unconsumed_entries: 3, lag_s: 0.12, dropped_gateway_records: 0, failing: "" },
  gateway_config_problem: "",
  disk_free_bytes: 41e9,
};
const MODELS = {
  items: [
    {
      name: "smollm2",
      label: "SmolLM2 135M Instruct",
      state: "ready",
      is_default: true,
      problem: "",
      licence: "Apache-2.0",
      bytes: 145e6,
      parameters: 135e6,
      slot_context_tokens: 4096,
      memory_bytes: 320e6,
      restarts: 0,
      last_used_at: new Date().toISOString(),
    },
  ],
  next_cursor: null,
};

function answer(
  state: State,
  method: string,
  path: string,
  query: URLSearchParams,
  body: Record<string, unknown>,
): unknown {
  const route = `${method} ${path}`;
  if (route === "GET /auth/state") return { setup_required: false, version: "0.1.0" };
  if (route === "POST /auth/login") {
    if (body.password === "wrong")
      throw new Refusal(
        401,
        "unauthenticated",
        "e-mail or password is wrong",
        "Check both; after five tries there is a pause.",
      );
    state.signedIn = true;
    return ME;
  }
  if (route === "POST /auth/setup" || route === "POST /auth/accept-invite") {
    state.signedIn = true;
    return ME;
  }
  if (!state.signedIn) throw new Refusal(401, "unauthenticated", "no session");
  if (route === "POST /auth/logout") {
    state.signedIn = false;
    return undefined;
  }
  if (route === "GET /me") return ME;
  if (route === "GET /me/tokens")
    return {
      items: [
        {
          id: "pt1",
          public_id: "kn-pt-abc",
          name: "laptop",
          created_at: new Date().toISOString(),
          expires_at: null,
          last_used_at: null,
        },
      ],
      next_cursor: null,
    };
  if (route === "POST /me/tokens")
    return {
      id: "pt2",
      public_id: "kn-pt-def",
      created_at: new Date().toISOString(),
      expires_at: null,
      last_used_at: null,
      token: "kn-pt-def-secret",
      ...body,
    };
  if (route === "GET /system/status") return SYSTEM;
  if (route === "GET /models") return MODELS;
  if (route === "GET /prices/snapshot")
    return {
      items: [
        {
          provider: "openai",
          model: "gpt-5.2-mini",
          usd_per_million: { input_uncached: "0.60", cache_read: "0.06", output_text: "2.40" },
        },
      ].filter((price) => price.model.includes(query.get("q") ?? "")),
      next_cursor: null,
    };
  const project = /^\/projects\/([^/]+)\/(.+)$/.exec(path);
  if (project) return projectRoute(state, method, project[1]!, project[2]!, query, body);
  if (path.endsWith("/users") && method === "GET")
    return {
      items: [
        {
          id: "usr_1",
          email: "aki@example.com",
          name: "Aki Mori",
          role: "owner",
          project_roles: {},
          joined_at: "2026-10-01T00:00:00Z",
        },
        {
          id: "usr_2",
          email: "ben@example.com",
          name: "Ben",
          role: "annotator",
          project_roles: {},
          joined_at: "2026-11-01T00:00:00Z",
        },
      ],
      next_cursor: null,
    };
  if (path.endsWith("/users") && method === "POST")
    return { id: "inv", ...body, created_at: "", expires_at: "", token: "t", link: "/invite?token=t" };
  if (path.endsWith("/invites"))
    return {
      items: [
        {
          id: "inv",
          email: "cleo@example.com",
          role: "viewer",
          created_at: "2026-11-01T00:00:00Z",
          expires_at: "2026-12-01T00:00:00Z",
        },
      ],
      next_cursor: null,
    };
  if (path.endsWith("/audit/verify")) return { intact: true, entries: 2, bad_seq: null, reason: "" };
  if (path.endsWith("/audit"))
    return {
      items: [
        {
          seq: 2,
          time: "2026-11-20T10:00:00Z",
          actor_kind: "user",
          actor_id: "usr_1",
          actor_name: "Aki Mori",
          action: "key.create",
          target: "kaname://key/key_1",
          details: { name: "production", scopes: ["traces:write"] },
          entry_hash: "x",
        },
      ],
      next_cursor: null,
    };
  if (path.endsWith("/views") && method === "GET") return { items: state.views, next_cursor: null };
  if (path.endsWith("/views")) {
    const made = { id: `viw_${state.views.length}`, is_own: true, created_at: "", updated_at: "", ...body };
    state.views.push(made);
    return made;
  }
  if (path.endsWith("/demo-data")) return { span_count: 168, score_count: 130, is_first: false };
  if (method === "PATCH" || method === "DELETE") return undefined;
  throw new Refusal(404, "not_found", `${route} isn't in the mock`, "Add it to ui/dev/mock.ts.");
}

function streamLive(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  let index = 10_000;
  const send = () => {
    index += 1;
    response.write(`event: spans\ndata: ${JSON.stringify(makeTrace(index, Date.now() - 4000).map(summary))}\n\n`);
  };
  send();
  const timer = setInterval(send, 1500);
  response.on("close", () => clearInterval(timer));
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

export function mockApi(): Plugin {
  const state = buildState();
  const handle = async (request: IncomingMessage, response: ServerResponse, next: () => void) => {
    const url = new URL(request.url ?? "/", "http://mock");
    if (!url.pathname.startsWith("/api/v1")) return next();
    const path = url.pathname.slice("/api/v1".length);
    if (path.endsWith("/live")) return streamLive(response);
    try {
      const body = request.method === "GET" ? {} : await readBody(request);
      const found = answer(state, request.method ?? "GET", path, url.searchParams, body);
      response.writeHead(found === undefined ? 204 : 200, { "content-type": "application/json" });
      response.end(found === undefined ? undefined : JSON.stringify(found));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.status, { "content-type": "application/problem+json" });
      response.end(
        JSON.stringify({
          status: error.status,
          code: error.code,
          title: error.code,
          detail: error.detail,
          hint: error.hint,
          request_id: "req_mock",
        }),
      );
    }
  };
  return {
    name: "kaname-mock",
    configureServer: (server) => void server.middlewares.use(handle as never),
    configurePreviewServer: (server) => void server.middlewares.use(handle as never),
  };
}
