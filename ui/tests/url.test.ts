import { expect, test } from "vitest";
import { safeNext } from "../src/access/next.ts";
import { readTraceSearch } from "../src/trace/url.ts";
import {
  ERRORS,
  type Filter,
  isNarrowed,
  rangeOf,
  readTracesSearch,
  spanQuery,
  splitPick,
  toggleValue,
  WIDEST,
  windowFor,
} from "../src/traces/url.ts";

test("a URL is read leniently: what isn't understood is dropped", () => {
  expect(
    readTracesSearch({ q: 42, f: [["kind", "in", ["llm"]], ["x", "nope", 1], "junk"], range: "9y", sort: "name" }),
  ).toEqual({
    q: "42",
    f: [["kind", "in", ["llm"]]],
  });
  expect(readTracesSearch({ f: "junk", from: "yesterday", dir: "up", sel: "" })).toEqual({});
});

test("what is the default doesn't stand in the URL", () => {
  expect(readTracesSearch({ range: "7d", sort: "start_time", dir: "desc" })).toEqual({});
  expect(readTraceSearch({ tab: "tree", view: "content" })).toEqual({});
});

test("an exact range replaces a preset", () => {
  const search = readTracesSearch({ range: "1h", from: "2026-01-01T00:00:00Z" });
  expect(search).toEqual({ from: "2026-01-01T00:00:00Z" });
  expect(windowFor(search, 0)).toEqual({ from: "2026-01-01T00:00:00Z", to: undefined });
});

test("a preset starts on a full minute, so that the query stays the same for a while", () => {
  const now = Date.parse("2026-01-02T10:00:31Z");
  expect(windowFor({ range: "1h" }, now).from).toBe("2026-01-02T09:00:00.000Z");
  expect(windowFor({ range: "1h" }, now)).toEqual(windowFor({ range: "1h" }, now + 20_000));
  expect(windowFor({ range: "all" }, now)).toEqual({ from: undefined, to: undefined });
});

test("filters become the API's JSON, and nothing becomes absent", () => {
  expect(spanQuery({ range: "all" }, 0)).toEqual({});
  const query = spanQuery({ range: "all", f: [["duration_ms", "gte", 100]] }, 0);
  expect(JSON.parse(query.filter!)).toEqual([{ field: "duration_ms", op: "gte", value: 100 }]);
});

test("ticking a facet value adds it, again removes it, and the other fields stay", () => {
  const others: Filter[] = [["model", "in", ["a"]]];
  const one = toggleValue(others, "kind", "llm", "in");
  expect(one).toEqual([...others, ["kind", "in", ["llm"]]]);
  const two = toggleValue(one, "kind", "tool", "in");
  expect(two).toEqual([...others, ["kind", "in", ["llm", "tool"]]]);
  expect(toggleValue(toggleValue(two, "kind", "llm", "in"), "kind", "tool", "in")).toEqual(others);
});

test("a value is included or excluded, never both", () => {
  const included = toggleValue([], "kind", "llm", "in");
  expect(toggleValue(included, "kind", "llm", "not_in")).toEqual([["kind", "not_in", ["llm"]]]);
});

test("a picked row names trace and span", () => {
  expect(splitPick("abc.def")).toEqual({ traceId: "abc", spanId: "def" });
  expect(splitPick("")).toEqual({ traceId: "", spanId: "" });
});

test("signing in leads only to this site", () => {
  expect(safeNext("/p/x/traces?q=1")).toBe("/p/x/traces?q=1");
  for (const evil of [undefined, "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
    expect(safeNext(evil)).toBe("/");
});

test("an empty list knows whether the reader narrowed it, and how to show all", () => {
  expect([{}, { range: "all" as const }].map(isNarrowed)).toEqual([false, false]);
  expect(
    [{ q: "x" }, { range: "1h" as const }, { f: [ERRORS] }, { to: "2026-01-01T00:00:00Z" }].map(isNarrowed),
  ).toEqual([true, true, true, true]);
  expect(isNarrowed({ q: "x", range: "1h", ...(WIDEST as object) })).toBe(false);
  expect(rangeOf({ q: "x", range: "1h", f: [ERRORS] })).toEqual({ range: "1h" });
});
