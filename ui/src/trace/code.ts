/** A span as code to paste: how to fetch it, and how to repeat a generation. Pure. */
import type { SpanDetail } from "../api/types.ts";
import { messagesOf, partText } from "./messages.ts";

const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function curlFor(url: string): string {
  return `curl -s -H "Authorization: Bearer $KANAME_SECRET_KEY" ${shellQuote(url)}`;
}

export function pythonFor(url: string): string {
  return [
    "import json, os, urllib.request",
    "",
    `request = urllib.request.Request(${JSON.stringify(url)})`,
    'request.add_header("Authorization", "Bearer " + os.environ["KANAME_SECRET_KEY"])',
    "span = json.load(urllib.request.urlopen(request))",
    'print(span["name"], span["output"]["text"])',
  ].join("\n");
}

/** The generation as a chat completion through the gateway. Null when it has no readable messages. */
export function requestFor(origin: string, span: SpanDetail): string | null {
  const messages = messagesOf(span.input, span.input_messages);
  if (span.kind !== "llm" || messages === null) return null;
  const body = {
    model: span.request_model || span.model,
    messages: messages.map((message) => ({ role: message.role, content: message.parts.map(partText).join("\n") })),
  };
  return [
    `curl -s ${shellQuote(`${origin}/v1/chat/completions`)}`,
    '  -H "Authorization: Bearer $KANAME_SECRET_KEY" -H "Content-Type: application/json"',
    `  -d ${shellQuote(JSON.stringify(body))}`,
  ].join(" \\\n");
}
