/** The same call as an application makes it: curl, Python, TypeScript, with the real endpoint. Pure. */
import { type ChatRequest, requestBody } from "./chat-call.ts";

export const LANGUAGES = ["curl", "python", "typescript"] as const;
export type SnippetLanguage = (typeof LANGUAGES)[number];

export function callSnippet(language: SnippetLanguage, origin: string, request: ChatRequest): string {
  if (language === "curl") return curl(origin, request);
  return language === "python" ? python(origin, request) : typescript(origin, request);
}

const curl = (origin: string, request: ChatRequest): string => {
  const body = JSON.stringify(requestBody(request), null, 2).replaceAll("'", "'\\''");
  return `curl ${request.stream ? "-N " : ""}${origin}/v1/chat/completions \\
  -H "Authorization: Bearer $KANAME_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${body}'`;
};

/** JSON as Python writes it; strings are the same in both. */
const pythonValue = (value: unknown): string => {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value as object)
      .map(([key, item]) => `${JSON.stringify(key)}: ${pythonValue(item)}`)
      .join(", ")}}`;
  return JSON.stringify(value);
};

function python(origin: string, request: ChatRequest): string {
  const { messages, stream_options: _, stream: __, ...rest } = requestBody(request);
  const lines = Object.entries(rest).map(([key, value]) => `    ${key}=${pythonValue(value)},`);
  const list = (messages as unknown[]).map((message) => `        ${pythonValue(message)},`).join("\n");
  const reading = request.stream
    ? `for chunk in answer:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`
    : "print(answer.choices[0].message.content)";
  return `import os

from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=os.environ["KANAME_API_KEY"])
answer = client.chat.completions.create(
${lines.join("\n")}
    messages=[
${list}
    ],${request.stream ? '\n    stream=True,\n    stream_options={"include_usage": True},' : ""}
)
${reading}`;
}

function typescript(origin: string, request: ChatRequest): string {
  const body = JSON.stringify(requestBody(request), null, 2).replace(/^ {2}"(\w+)":/gm, "  $1:");
  const reading = request.stream
    ? `for await (const chunk of answer) process.stdout.write(chunk.choices[0]?.delta.content ?? "");`
    : "console.log(answer.choices[0].message.content);";
  return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: process.env.KANAME_API_KEY });
const answer = await client.chat.completions.create(${body});
${reading}`;
}
