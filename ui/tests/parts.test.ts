import { expect, test } from "vitest";
import type { SpanDetail, SpanSummary } from "../src/api/types.ts";
import { KEPT, receive, release } from "../src/live/stream.ts";
import { snippet } from "../src/onboarding/snippets.ts";
import { rank } from "../src/shell/rank.ts";
import { curlFor, requestFor } from "../src/trace/code.ts";
import { editableText, messagesOf } from "../src/trace/messages.ts";
import { parseBlocks, safeHref } from "../src/ui/markdown-blocks.ts";
import { windowOf } from "../src/ui/rows.ts";
import { isComposing, matches } from "../src/ui/shortcuts.ts";

const span = (id: number, part: Partial<SpanSummary> = {}) =>
  ({
    trace_id: "t",
    span_id: String(id),
    name: "chat",
    kind: "llm",
    tags: ["a"],
    duration_ms: 5,
    input_preview: "",
    output_preview: "",
    ...part,
  }) as SpanSummary;

test("live rows come newest first, once, and wait while held", () => {
  let buffer = receive({ shown: [], waiting: [] }, [span(1), span(2)], false);
  expect(buffer.shown.map((s) => s.span_id)).toEqual(["2", "1"]);
  buffer = receive(buffer, [span(2), span(3)], true);
  expect(buffer.waiting.map((s) => s.span_id)).toEqual(["3"]);
  expect(buffer.shown.length).toBe(2);
  expect(release(buffer).shown.map((s) => s.span_id)).toEqual(["3", "2", "1"]);
});

test("the live page keeps a bounded number of rows", () => {
  const many = Array.from({ length: KEPT + 50 }, (_, at) => span(at));
  expect(receive({ shown: [], waiting: [] }, many, false).shown.length).toBe(KEPT);
});

test("a window covers what is seen and no more than some rows around it", () => {
  expect(windowOf(0, 340, 34, 1000)).toEqual([0, 16]);
  const [start, end] = windowOf(3400, 340, 34, 1000);
  expect(start).toBeLessThan(100);
  expect(end).toBeGreaterThan(110);
  expect(windowOf(999_999, 340, 34, 10)[1]).toBe(10);
});

test("shortcuts leave the browser's and the input method's keys alone", () => {
  const key = (part: object) => ({ key: "k", metaKey: false, ctrlKey: false, altKey: false, ...part });
  expect(matches("mod+k", key({ ctrlKey: true }))).toBe(true);
  expect(matches("mod+k", key({ metaKey: true, key: "K" }))).toBe(true);
  expect(matches("k", key({ ctrlKey: true }))).toBe(false);
  expect(matches("1-9", key({ key: "7" }))).toBe(true);
  expect(matches("1-9", key({ key: "0" }))).toBe(false);
  expect(isComposing({ isComposing: true, keyCode: 74 })).toBe(true);
  expect(isComposing({ isComposing: false, keyCode: 229 })).toBe(true);
});

test("markdown becomes blocks, and links lead only to the web and to mail", () => {
  const blocks = parseBlocks(
    "# Title\n\nText\nmore\n\n- one\n- two\n\n1. first\n\n```sql\nSELECT 1;\n```\n> quoted\n---",
  );
  expect(blocks.map((block) => block.type)).toEqual(["heading", "text", "list", "list", "code", "quote", "rule"]);
  expect(blocks[4]!.text).toBe("SELECT 1;");
  expect(parseBlocks("```\nnever closed")[0]!.text).toBe("never closed");
  expect(safeHref("https://example.com")).toBe("https://example.com");
  for (const evil of ["javascript:alert(1)", "data:text/html,x", " JAVASCRIPT:x", "/relative"])
    expect(safeHref(evil)).toBeNull();
});

const payload = (format: "messages" | "text" | "json" | "", text: string) => ({
  format,
  text,
  truncated: false,
  bytes: text.length,
});

test("messages are read from a payload, and nonsense is no conversation", () => {
  const chat = '[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]';
  expect(messagesOf(payload("messages", chat), null)![0]!.role).toBe("assistant");
  expect(messagesOf(payload("messages", "[1, {}]"), null)).toBeNull();
  expect(messagesOf(payload("messages", chat.slice(0, 20)), null)).toBeNull();
  expect(messagesOf(payload("json", chat), null)).toBeNull();
  expect(editableText(payload("messages", chat), null)).toBe("Hi");
  expect(editableText(payload("json", '"Hi"'), null)).toBe("Hi");
  expect(editableText(payload("text", "plain"), null)).toBe("plain");
});

test("copied code survives quotes", () => {
  expect(curlFor("http://x/it's")).toContain(`'http://x/it'\\''s'`);
  const detail = {
    kind: "llm",
    model: "m",
    request_model: "",
    input: payload("messages", '[{"role":"user","parts":[{"type":"text","content":"it\'s"}]}]'),
    input_messages: null,
  } as unknown as SpanDetail;
  expect(requestFor("http://x", detail)).toContain(`it'\\''s`);
  expect(requestFor("http://x", { ...detail, kind: "tool" })).toBeNull();
});

test("snippets carry the endpoint and the key", () => {
  for (const kind of ["openai", "opentelemetry", "sdk"] as const) {
    const code = snippet(kind, "http://host:8700", "kn-sk-1", "smollm2");
    expect(code).toContain("http://host:8700");
    expect(code).toContain("kn-sk-1");
  }
});

test("the palette ranks beginnings first and needs every word", () => {
  expect(rank("API keys", "key")).toBeGreaterThan(0);
  expect(rank("API keys", "api k")).toBeGreaterThan(rank("Create an API key", "api k"));
  expect(rank("Traces", "xyz")).toBe(-1);
});
