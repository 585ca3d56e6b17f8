import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { alertsOf, canAlign, changedBudget, fieldsOf, newBudget, usesZone } from "../src/gateway/budget-draft.ts";
import { callSnippet } from "../src/gateway/call-snippets.ts";
import { type ChatRequest, cutEvents, EMPTY_CALL, requestBody, takeIn } from "../src/gateway/chat-call.ts";
import { worstBreaker } from "../src/gateway/stats.ts";
import { en } from "../src/gateway/text/en.ts";
import { ja } from "../src/gateway/text/ja.ts";

const words: Record<string, string> = en;
const places = (message: string) => [...new Set([...message.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();

test("both languages have the same keys and places, and none is empty", () => {
  expect(Object.keys(ja)).toEqual(Object.keys(words));
  for (const [key, message] of Object.entries(words)) {
    const japanese = ja[key as keyof typeof ja];
    expect([message.trim(), japanese.trim()], key).not.toContain("");
    expect(places(japanese), key).toEqual(places(message));
  }
});

test("every word is used", () => {
  const folder = join(import.meta.dirname, "../src/gateway");
  const sources = readdirSync(folder)
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const composed = new Set([...sources.matchAll(/`([a-zA-Z]+\.)\$\{/g)].map((match) => match[1]!));
  const unused = Object.keys(words).filter(
    (key) => !sources.includes(`"${key}"`) && ![...composed].some((prefix) => key.startsWith(prefix)),
  );
  expect(unused).toEqual([]);
});

const REQUEST: ChatRequest = {
  model: "support-bot",
  system: "",
  message: 'It\'s a "test"\nこんにちは',
  stream: true,
  maxTokens: 64,
  metadata: { plan: "free" },
};

test("snippets hold the endpoint and the request, quoted for their language", () => {
  const curl = callSnippet("curl", "https://k.example", REQUEST);
  expect(curl).toContain("https://k.example/v1/chat/completions");
  expect(curl).toContain("It'\\''s");
  const python = callSnippet("python", "https://k.example", REQUEST);
  expect(python).toContain('base_url="https://k.example/v1"');
  expect(python).toContain("stream=True");
  expect(python).not.toContain("true,");
  expect(callSnippet("typescript", "https://k.example", { ...REQUEST, stream: false })).toContain(
    "answer.choices[0].message.content",
  );
  expect(requestBody({ ...REQUEST, stream: false, metadata: {}, maxTokens: null })).not.toHaveProperty("stream");
});

test("events are cut wherever the network cut them", () => {
  const wire = 'data: {"a":1}\n\n: ping\n\ndata: {"b":\ndata: 2}\r\n\r\ndata: [DONE]\n\n';
  for (let cut = 0; cut <= wire.length; cut++) {
    const first = cutEvents(wire.slice(0, cut));
    const second = cutEvents(first.rest + wire.slice(cut));
    expect([...first.events, ...second.events]).toEqual(['{"a":1}', '{"b":\n2}', "[DONE]"]);
  }
});

test("a call takes in deltas, usage and errors", () => {
  let call = takeIn(EMPTY_CALL, { choices: [{ delta: { content: "" } }] }, 5);
  expect(call.firstTokenMs).toBeNull();
  call = takeIn(call, { choices: [{ delta: { content: "Hi" } }] }, 12);
  call = takeIn(call, { choices: [{ delta: {}, finish_reason: "stop" }] }, 20);
  call = takeIn(call, { choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } }, 21);
  expect(call).toMatchObject({ text: "Hi", finish: "stop", firstTokenMs: 12, usage: { prompt_tokens: 3 } });
  expect(takeIn(call, { error: { message: "cut", code: "upstream_cut" } }, 30)).toMatchObject({
    phase: "failed",
    text: "Hi",
    error: { code: "upstream_cut" },
  });
});

test("a budget sends no setting that would have no effect", () => {
  const fields = { ...fieldsOf(null, "Asia/Tokyo"), subject: "key_1", amount: "5" };
  expect(newBudget(fields)).toMatchObject({ period: "1M", calendar: true, time_zone: "Asia/Tokyo", scope: "key" });
  expect(newBudget({ ...fields, period: "1d", calendar: false })).toMatchObject({ calendar: false, time_zone: "UTC" });
  expect(newBudget({ ...fields, period: "6h" })).toMatchObject({ calendar: false });
  expect(newBudget({ ...fields, onExceed: "warn", shadow: true, downgradeTo: "x/y" })).toMatchObject({
    shadow: false,
    downgrade_to: "",
  });
  expect(newBudget({ ...fields, scope: "project" })).toMatchObject({ subject: "", key_id: "" });
  expect(changedBudget(fields)).not.toHaveProperty("extra_usd");
  expect(changedBudget({ ...fields, extra: "3" })).toMatchObject({ extra_usd: "3", extra_cycles: 1 });
  expect([canAlign("1w"), canAlign("2w"), usesZone({ ...fields, period: "1M", calendar: false })]).toEqual([
    true,
    false,
    true,
  ]);
  expect(alertsOf("50 %, 80、100")).toEqual([50, 80, 100]);
});

test("the worst breaker of several speaks for them", () => {
  expect(worstBreaker(["closed", "open", "cooling"])).toBe("open");
  expect(worstBreaker([])).toBeNull();
});
