/** Made-up spans for working on the UI without a server. Deterministic, so that screenshots can be compared. */
import type { Message, SpanKind, SpanSummary } from "../src/api/types.ts";

export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const hex = (next: () => number, digits: number): string =>
  Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("");

export interface MadeSpan extends SpanSummary {
  input_messages: Message[] | null;
  output_messages: Message[] | null;
  status_message: string;
}

const QUESTIONS = [
  "How do I rotate the master key without downtime?",
  "Which port does the server listen on by default?",
  "Summarise the changes in the last release in three bullet points.",
  "What does “unaccounted gap” mean in the waterfall?",
  "要（かなめ）はどのポートで起動しますか？",
  "直近のリリースの変更点を三つの箇条書きでまとめてください。",
  "料金表はどこで編集できますか？",
  "Write a SQL query that counts users by country.",
  "Is it safe to delete the journal folder while the server is stopped?",
];
const ANSWERS = [
  "Add the new key to the key file, then run `kaname secrets rotate`. Old data stays readable:\n\n1. the new key encrypts,\n2. the old key still decrypts,\n3. a background job re-encrypts.\n\n**No restart is needed.**",
  "Port **8700**. Set `server.port` or `KANAME_PORT` to change it.",
  "- Faster facets\n- Japanese search by bigrams\n- The gateway marks cut streams as cut",
  "初期設定ではポート **8700** で起動します。`server.port` で変更できます。",
  "```sql\nSELECT country, count(*) AS n\nFROM users\nGROUP BY country\nORDER BY n DESC;\n```",
  "I am not sure about that.",
  "設定 → 料金 で編集できます。プロジェクトの料金は組み込みの一覧より優先されます。",
];
const MODELS = [
  ["smollm2", "kaname", 0],
  ["gpt-5.2-mini", "openai", 0.6],
  ["claude-haiku-5", "anthropic", 1.2],
] as const;

const text = (role: string, content: string): Message => ({ role, parts: [{ type: "text", content }] });

interface Draft {
  kind: SpanKind;
  name: string;
  parent: number;
  start: number;
  duration: number;
}

/** One question to the assistant: agent → retriever, generation, tool, generation. */
const SHAPE: Draft[] = [
  { kind: "agent", name: "answer_question", parent: -1, start: 0, duration: 1 },
  { kind: "retriever", name: "search_documents", parent: 0, start: 0.02, duration: 0.1 },
  { kind: "embedding", name: "embed query", parent: 1, start: 0.03, duration: 0.04 },
  { kind: "llm", name: "chat smollm2", parent: 0, start: 0.15, duration: 0.3 },
  { kind: "tool", name: "lookup_setting", parent: 0, start: 0.48, duration: 0.05 },
  { kind: "llm", name: "chat smollm2", parent: 0, start: 0.58, duration: 0.38 },
  { kind: "evaluator", name: "exact_match", parent: 0, start: 0.97, duration: 0.01 },
];

export function makeTrace(index: number, at: number): MadeSpan[] {
  const next = random(index * 7919 + 17);
  const traceId = hex(next, 32);
  const question = QUESTIONS[index % QUESTIONS.length]!;
  const answer = ANSWERS[Math.floor(next() * ANSWERS.length)]!;
  const [model, provider, price] = MODELS[index % MODELS.length]!;
  const total = 400 + next() * 5200;
  const failed = next() < 0.08;
  const japanese = /[ぁ-ん]/.test(question);
  const ids = SHAPE.map(() => hex(next, 16));
  return SHAPE.map((draft, i): MadeSpan => {
    const llm = draft.kind === "llm";
    const input = llm ? 180 + Math.floor(next() * 900) : 0;
    const output = llm ? 20 + Math.floor(next() * 240) : 0;
    const broken = failed && (i === 4 || i === 0);
    const history: Message[] = [
      text(
        "system",
        "You answer questions about Kaname from the documents you are given. Answer in the language of the question.",
      ),
      text("user", question),
    ];
    const call: Message = {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "The answer is a setting; look it up before answering." },
        {
          type: "tool_call",
          id: "call_1",
          name: "lookup_setting",
          arguments: { name: "server.port", with_origin: true },
        },
      ],
      finish_reason: "tool_call",
    };
    const result: Message = {
      role: "tool",
      parts: [
        { type: "tool_call_response", id: "call_1", response: { name: "server.port", value: 8700, origin: "default" } },
      ],
    };
    const first = i === 3;
    return {
      trace_id: traceId,
      span_id: ids[i]!,
      parent_span_id: draft.parent < 0 ? "" : ids[draft.parent]!,
      name: llm ? `chat ${model}` : draft.name,
      kind: draft.kind,
      status: broken ? "error" : draft.kind === "evaluator" ? "ok" : "unset",
      status_message: broken ? "TimeoutError: lookup_setting took longer than 2 s" : "",
      level: broken ? "error" : "default",
      start_time: new Date(at + draft.start * total).toISOString(),
      duration_ms: draft.duration * total,
      time_to_first_token_ms: llm ? 60 + next() * 300 : null,
      model: llm ? model : "",
      provider: llm ? provider : "",
      environment: index % 5 === 0 ? "staging" : "production",
      service_name: "assistant",
      session_id: `chat-${Math.floor(index / 4)}`,
      user_id: `user-${(index * 3) % 11}`,
      tags: japanese ? ["ja"] : ["en"],
      input_tokens: input,
      output_tokens: output,
      total_tokens: input + output,
      cost_usd: llm && price > 0 ? ((input * price + output * price * 4) / 1e6).toFixed(9) : null,
      cost_source: llm && price > 0 ? "computed" : "",
      input_preview: i === 2 || i === 1 || i === 0 || llm ? question : '{"name": "server.port"}',
      output_preview: first
        ? "lookup_setting(…)"
        : i === 4
          ? '{"value": 8700}'
          : i === 2
            ? ""
            : answer.replace(/\s+/g, " "),
      is_root: i === 0,
      flags: [],
      scores: i === 0 && index % 3 === 0 ? [{ name: "thumbs", value: index % 2, label: null, source: "user" }] : [],
      prompt_name: llm ? "assistant" : "",
      tool_name: draft.kind === "tool" ? draft.name : "",
      agent_name: "assistant",
      input_messages: llm ? (first ? history : [...history, call, result]) : null,
      output_messages: llm ? (first ? [call] : [{ ...text("assistant", answer), finish_reason: "stop" }]) : null,
    };
  });
}
