/** The names that screens use for what the server answers, from the server's own OpenAPI (`schema.d.ts`, generated). */
import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** OpenAPI knows JSON values only as "anything"; here they are JSON. */
type WithJson<Shape, Fields extends keyof Shape, Value> = Omit<Shape, Fields> & { [Field in Fields]: Value };

export interface Page<Row> {
  items: Row[];
  next_cursor?: string | null;
}

export type SpanSummary = Schemas["SpanSummary"];
export type SpanKind = SpanSummary["kind"];
export type Status = SpanSummary["status"];
export type ScoreChip = Schemas["ScoreChip"];
export type ScoreSource = ScoreChip["source"];
export type Facet = Schemas["Facet"];
export type Facets = Schemas["FacetList"];
export type HistogramBucket = Schemas["HistogramBucket"];
export type TraceSummary = Schemas["TraceSummary"];
export type TraceSkeleton = Schemas["TraceSkeleton"];
export type Payload = Schemas["Payload"];

export type MessagePart = JsonObject & { type: string };
export interface Message {
  role: string;
  name?: string | null;
  parts: MessagePart[];
  finish_reason?: string | null;
}
export type SpanEvent = WithJson<WithJson<Schemas["SpanEvent"], "attributes", JsonObject>, "body", Json>;
export type SpanLink = WithJson<Schemas["SpanLink"], "attributes", JsonObject>;

type PlainDetail = Omit<
  Schemas["SpanDetail"],
  | "input_messages"
  | "output_messages"
  | "model_parameters"
  | "tool_definitions"
  | "documents"
  | "attributes"
  | "resource"
  | "scope_attributes"
  | "events"
  | "links"
  | "log_records"
>;
export interface SpanDetail extends PlainDetail {
  input_messages: Message[] | null;
  output_messages: Message[] | null;
  model_parameters: Json;
  tool_definitions: Json;
  documents: Json;
  attributes: JsonObject;
  resource: JsonObject;
  scope_attributes: JsonObject;
  events: SpanEvent[];
  links: SpanLink[];
  log_records: SpanEvent[];
}

export type Turn = WithJson<Schemas["Turn"], "parts", MessagePart[]>;
export type Transcript = WithJson<Schemas["Transcript"], "turns", Turn[]>;
export type SessionSummary = Schemas["SessionSummary"];
export type SessionDetail = WithJson<Schemas["SessionDetail"], "turns", Turn[]>;
export type EndUser = Schemas["EndUser"];

export type Score = Schemas["Score"];
export type NewScore = Schemas["ScoreIn"];
export type ScoreDataType = Score["data_type"];
export type ScoreSummary = Schemas["ScoreSummary"];

export type Me = Schemas["Me"];
export type Organization = Schemas["MeOrganization"];
export type Project = Schemas["MeProject"];
export type ApiKey = Schemas["KeyView"];
export type PersonalToken = Schemas["TokenView"];
export type Member = Schemas["UserView"];
export type Role = Member["role"];
export type Price = Schemas["PriceView"];
export type AuditEntry = WithJson<Schemas["AuditView"], "details", JsonObject>;
export type IngestNotice = WithJson<Schemas["IngestNotice"], "details", JsonObject>;
export type SystemStatus = Schemas["SystemStatusView"];
export type LocalModel = Schemas["LocalModelView"];
