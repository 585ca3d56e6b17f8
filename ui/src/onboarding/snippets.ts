/** The exact words that connect an application: with the real endpoint and a real key. Pure. */

export type SnippetKind = "openai" | "opentelemetry" | "sdk";
export const SNIPPET_KINDS: SnippetKind[] = ["openai", "opentelemetry", "sdk"];

export const KEY_PLACEHOLDER = "kn-sk-…";

const openai = (origin: string, key: string, model: string): string => `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)`;

const opentelemetry = (origin: string, key: string): string => `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer ${key}"
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
opentelemetry-instrument python your_app.py`;

const sdk = (origin: string, key: string): string => `from kaname_sdk import instrument, observe

instrument(url="${origin}", secret_key="${key}")


@observe
def answer(question: str) -> str:
    return question.upper()


answer("Hello!")`;

export function snippet(kind: SnippetKind, origin: string, key: string, model: string): string {
  if (kind === "openai") return openai(origin, key, model);
  return kind === "opentelemetry" ? opentelemetry(origin, key) : sdk(origin, key);
}
