/** The names that screens use for what the server answers. */

export type SpanKind =
  | "llm"
  | "embedding"
  | "retriever"
  | "reranker"
  | "tool"
  | "agent"
  | "chain"
  | "guardrail"
  | "evaluator"
  | "event"
  | "span";
export type Status = "unset" | "ok" | "error";
export type ScoreSource = "human" | "llm" | "code" | "user" | "api";
export type ScoreDataType = "numeric" | "categorical" | "boolean" | "text" | "correction";

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface ScoreChip {
  name: string;
  value: number | null;
  label: string | null;
  source: ScoreSource;
}

export interface SpanSummary {
  trace_id: string;
  span_id: string;
  parent_span_id: string;
  name: string;
  kind: SpanKind;
  status: Status;
  level: string;
  start_time: string;
  duration_ms: number;
  time_to_first_token_ms: number | null;
  model: string;
  provider: string;
  environment: string;
  service_name: string;
  session_id: string;
  user_id: string;
  tags: string[];
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  cost_usd: string | null;
  cost_source: string;
  input_preview: string;
  output_preview: string;
  is_root: boolean;
  flags: string[];
  scores: ScoreChip[];
  prompt_name: string;
  tool_name: string;
  agent_name: string;
}

export interface TraceSummary {
  trace_id: string;
  name: string;
  start_time: string;
  duration_ms: number;
  span_count: number;
  error_count: number;
  llm_count: number;
  total_tokens: number;
  cost_usd: string | null;
  session_id: string;
  user_id: string;
  environment: string;
  input_preview: string;
  output_preview: string;
  scores: ScoreChip[];
}

export interface FacetValue {
  value: string;
  count: number;
}
export interface Facet {
  field: string;
  values: FacetValue[];
  truncated: boolean;
}
export interface Facets {
  total: number;
  facets: Facet[];
}

export interface HistogramBucket {
  time: string;
  count: number;
  errors: number;
  cost_usd: string | null;
  p50_ms: number | null;
  p95_ms: number | null;
}
export interface Histogram {
  interval_ms: number;
  buckets: HistogramBucket[];
}

export interface SkeletonColumns {
  span_id: string[];
  parent_index: number[];
  depth: number[];
  name_index: number[];
  kind: number[];
  start_us: number[];
  duration_us: number[];
  status: number[];
  model_index: number[];
  total_tokens: number[];
  cost_usd: number[];
  /** 1 for a parent that never arrived: only its id is known. */
  missing: number[];
}

export interface Score {
  id: string;
  name: string;
  data_type: ScoreDataType;
  value: number | null;
  label: string | null;
  text: string | null;
  source: ScoreSource;
  author_name: string;
  explanation: string;
  trace_id: string;
  span_id: string;
  session_id: string;
  created_at: string;
}

export interface TraceSkeleton {
  trace_id: string;
  span_count: number;
  truncated: boolean;
  start_time: string;
  duration_ms: number;
  total_tokens: number;
  cost_usd: string | null;
  error_count: number;
  session_id: string;
  user_id: string;
  names: string[];
  models: string[];
  kinds: SpanKind[];
  columns: SkeletonColumns;
  scores: Score[];
  missing_parents: number;
}

export interface Payload {
  format: "" | "messages" | "json" | "text";
  text: string;
  truncated: boolean;
  bytes: number;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface MessagePart {
  type: string;
  [key: string]: Json;
}
export interface Message {
  role: string;
  name?: string;
  parts: MessagePart[];
  finish_reason?: string;
}

export interface SpanEvent {
  name: string;
  time: string | null;
  attributes: { [key: string]: Json };
  body?: Json;
}
export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: { [key: string]: Json };
}

export interface SpanDetail extends Omit<SpanSummary, "scores"> {
  status_message: string;
  operation: string;
  request_model: string;
  response_model: string;
  response_id: string;
  model_parameters: Json;
  finish_reasons: string[];
  prompt_version: string;
  release: string;
  version: string;
  metadata: Record<string, string>;
  usage: Record<string, number>;
  usage_reported: Record<string, number>;
  cost: Record<string, string>;
  price_id: string;
  input: Payload;
  output: Payload;
  input_messages: Message[] | null;
  output_messages: Message[] | null;
  tool_definitions: Json;
  documents: Json;
  attributes: { [key: string]: Json };
  resource: { [key: string]: Json };
  scope_name: string;
  scope_version: string;
  events: SpanEvent[];
  links: SpanLink[];
  log_records: SpanEvent[];
  scores: Score[];
  dialects: string[];
}

export interface Turn {
  span_id: string;
  trace_id: string;
  role: string;
  parts: MessagePart[];
  time: string;
  model: string;
  tokens: number;
  is_new: boolean;
}
export interface Transcript {
  turns: Turn[];
  truncated: boolean;
}

export interface SessionSummary {
  session_id: string;
  trace_count: number;
  span_count: number;
  error_count: number;
  start_time: string;
  end_time: string;
  total_tokens: number;
  cost_usd: string | null;
  user_id: string;
  environment: string;
  input_preview: string;
}
export interface SessionDetail extends SessionSummary {
  traces: TraceSummary[];
  turns: Turn[];
  truncated: boolean;
}

export interface EndUser {
  user_id: string;
  span_count: number;
  trace_count: number;
  session_count: number;
  error_count: number;
  total_tokens: number;
  cost_usd: string | null;
  first_seen: string;
  last_seen: string;
}

export interface ScoreSummary {
  name: string;
  data_type: ScoreDataType;
  n: number;
  mean: number | null;
  interval_low: number | null;
  interval_high: number | null;
  bins: { low: number; high: number; count: number }[];
  labels: { label: string; count: number }[];
  sources: { source: ScoreSource; count: number }[];
}

export interface Project {
  id: string;
  name: string;
  role: string | null;
  permissions: string[];
}
export interface Organization {
  id: string;
  name: string;
  role: string | null;
  permissions: string[];
  projects: Project[];
}
export interface Me {
  principal: { kind: string; id: string; name: string };
  user: { id: string; email: string; name: string } | null;
  csrf_token: string | null;
  organizations: Organization[];
}

export interface ApiKey {
  id: string;
  public_key: string;
  name: string;
  scopes: string[];
  created_at: string;
  created_by: string;
  expires_at: string | null;
  last_used_at: string | null;
}
export interface CreatedKey extends ApiKey {
  secret_key: string;
}
export interface PersonalToken {
  id: string;
  public_id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}
export interface CreatedToken extends PersonalToken {
  token: string;
}
export interface Member {
  id: string;
  email: string;
  name: string;
  role: string;
  project_roles: Record<string, string>;
  joined_at: string;
}
export interface Invite {
  id: string;
  email: string;
  role: string;
  created_at: string;
  expires_at: string;
}
export interface CreatedInvite extends Invite {
  token: string;
  link: string;
}
export interface AuditEntry {
  seq: number;
  time: string;
  actor_kind: string;
  actor_id: string;
  actor_name: string;
  action: string;
  target: string;
  details: { [key: string]: Json };
  entry_hash: string;
}
export interface AuditVerdict {
  intact: boolean;
  entries: number;
  bad_seq: number | null;
  reason: string;
}
export interface Price {
  id: string;
  provider: string;
  match: "exact" | "prefix" | "regex";
  pattern: string;
  usd_per_million: Record<string, string>;
  created_at: string;
}
export interface SnapshotPrice {
  provider: string;
  model: string;
  usd_per_million: Record<string, string>;
}
export interface IngestNotice {
  id: string;
  time: string;
  kind: string;
  count: number;
  message: string;
  details: { [key: string]: Json };
}
export type ComponentState = "stopped" | "starting" | "ready" | "restarting" | "failed" | "external";
export interface SystemStatus {
  version: string;
  sql_engine: string;
  columns_engine: "embedded" | "clickhouse";
  processes: {
    name: string;
    state: ComponentState;
    pid: number | null;
    restarts: number;
    memory_bytes: number | null;
  }[];
  journal: {
    bytes: number;
    unconsumed_entries: number;
    lag_s: number;
    dropped_gateway_records: number;
    failing: string;
  };
  gateway_config_problem: string;
  disk_free_bytes: number;
}
export interface LocalModel {
  name: string;
  label: string;
  state: string;
  is_default: boolean;
  problem: string;
  licence: string;
  bytes: number;
  parameters: number;
  slot_context_tokens: number;
  memory_bytes: number | null;
  restarts: number;
  last_used_at: string | null;
}
