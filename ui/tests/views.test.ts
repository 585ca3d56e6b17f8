import { expect, test } from "vitest";
import { readTracesSearch } from "../src/traces/url.ts";
import { queryOfSearch, sameQuery, searchOfQuery } from "../src/traces/views.ts";

const SEARCH = {
  q: "紅葉",
  f: [
    ["kind", "in", ["llm"]],
    ["is_root", "eq", true],
  ],
  range: "24h",
  sort: "cost",
  dir: "asc",
  cols: "time,name",
  sel: "a.b",
};

test("a view gives back the state that it was made of, but for the selected row", () => {
  const { sel: _, ...state } = SEARCH;
  expect(searchOfQuery(queryOfSearch(readTracesSearch(SEARCH)))).toEqual(state);
});

test("what is usual isn't in the URL, and a view of everything is one", () => {
  expect(searchOfQuery(queryOfSearch({}))).toEqual({});
  expect(queryOfSearch({}).range).toBe("7d");
  expect(sameQuery(queryOfSearch({ range: "7d" }), queryOfSearch({}))).toBe(true);
  expect(sameQuery(queryOfSearch({ range: "all" }), queryOfSearch({}))).toBe(false);
});

test("a fixed time takes the place of the range", () => {
  const query = queryOfSearch({ from: "2026-11-01T00:00:00.000Z", range: "1h" });
  expect([query.range, query.start, query.end]).toEqual([null, "2026-11-01T00:00:00.000Z", null]);
  expect(searchOfQuery(query)).toEqual({ from: "2026-11-01T00:00:00.000Z" });
});
