import { expect, test } from "vitest";
import type { TraceSkeleton } from "../src/api/types.ts";
import {
  buildLayout,
  covered,
  findHits,
  gaps,
  hasChildren,
  selfUs,
  tickStep,
  visibleNodes,
} from "../src/trace/layout.ts";

/** [parent, start, duration, name] in tree pre-order. */
function skeleton(rows: [number, number, number, string][]): TraceSkeleton {
  const depth: number[] = [];
  for (const [at, [parent]] of rows.entries()) depth[at] = parent < 0 ? 0 : depth[parent]! + 1;
  const zeros = rows.map(() => 0);
  return {
    trace_id: "t",
    span_count: rows.length,
    truncated: false,
    start_time: "2026-01-01T00:00:00Z",
    duration_ms: 1,
    total_tokens: 0,
    cost_usd: null,
    error_count: 0,
    session_id: "",
    user_id: "",
    names: rows.map((row) => row[3]),
    models: [""],
    kinds: ["span", "llm"],
    columns: {
      span_id: rows.map((_, at) => at.toString(16).padStart(16, "0")),
      parent_index: rows.map((row) => row[0]),
      depth,
      name_index: rows.map((_, at) => at),
      kind: zeros,
      start_us: rows.map((row) => row[1]),
      duration_us: rows.map((row) => row[2]),
      status: zeros,
      level: zeros,
      model_index: zeros,
      total_tokens: zeros,
      cost_usd: zeros,
      missing: zeros,
    },
    scores: [],
    missing_parents: 0,
  };
}

const SMALL = skeleton([
  [-1, 0, 100, "agent"],
  [0, 10, 20, "retriever"],
  [1, 12, 5, "embedding"],
  [0, 25, 40, "generation"],
  [0, 90, 30, "late tool"],
  [-1, 200, 10, "second root"],
]);

test("subtrees end where the next sibling or root begins", () => {
  const layout = buildLayout(SMALL);
  expect([...layout.end]).toEqual([5, 3, 3, 4, 5, 6]);
  expect(hasChildren(layout, 0)).toBe(true);
  expect(hasChildren(layout, 3)).toBe(false);
  expect([...layout.childList.subarray(layout.childStart[0], layout.childStart[1])]).toEqual([1, 3, 4]);
});

test("children's time is merged where they overlap and clipped to the parent", () => {
  const layout = buildLayout(SMALL);
  expect(covered(layout, 0)).toEqual([
    [10, 65],
    [90, 100],
  ]);
  expect(gaps(layout, 0)).toEqual([
    [0, 10],
    [65, 90],
  ]);
  expect(selfUs(layout, 0)).toBe(35);
  expect(selfUs(layout, 3)).toBe(40);
});

test("self time and covered time add up to the duration, whatever the children do", () => {
  let seed = 7;
  const next = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let round = 0; round < 50; round++) {
    const rows: [number, number, number, string][] = [[-1, 0, 1000, "root"]];
    for (let i = 0; i < 30; i++) rows.push([0, Math.floor(next() * 1400 - 200), Math.floor(next() * 400), "child"]);
    const layout = buildLayout(skeleton(rows));
    const sum = covered(layout, 0).reduce((total, [low, high]) => total + high - low, 0);
    expect(sum + selfUs(layout, 0)).toBe(1000);
  }
});

test("a closed node hides its subtree", () => {
  const layout = buildLayout(SMALL);
  expect([...visibleNodes(layout, new Set([1]), null)]).toEqual([0, 1, 3, 4, 5]);
  expect([...visibleNodes(layout, new Set([0]), null)]).toEqual([0, 5]);
});

test("a search keeps hits with their ancestors, even in closed subtrees", () => {
  const layout = buildLayout(SMALL);
  const hits = findHits(SMALL, layout, "EMBED")!;
  expect([...hits]).toEqual([0, 0, 1, 0, 0, 0]);
  expect([...visibleNodes(layout, new Set([0]), hits)]).toEqual([0, 1, 2]);
  expect(findHits(SMALL, layout, "  ")).toBeNull();
});

test("a search needs every word, and finds a span by the beginning of its id", () => {
  const layout = buildLayout(SMALL);
  expect([...findHits(SMALL, layout, "late tool")!]).toEqual([0, 0, 0, 0, 1, 0]);
  expect([...findHits(SMALL, layout, "0000000000000005")!]).toEqual([0, 0, 0, 0, 0, 1]);
});

test("a deep chain of 100,000 spans is laid out without recursion and quickly found", () => {
  const rows = Array.from({ length: 100_000 }, (_, at): [number, number, number, string] => [
    at - 1,
    at,
    200_000 - at,
    "s",
  ]);
  const deep = skeleton(rows);
  const layout = buildLayout(deep);
  expect(layout.depth[99_999]).toBe(99_999);
  expect(layout.end[0]).toBe(100_000);
  expect(visibleNodes(layout, new Set([10]), null).length).toBe(11);
});

test("ticks are round, and from a second on as clocks count", () => {
  expect(tickStep(1_000, 5)).toBe(200);
  expect(tickStep(900_000, 6)).toBe(200_000);
  expect(tickStep(6_000_000, 6)).toBe(1_000_000);
  expect(tickStep(3_000_000_000, 6)).toBe(600_000_000);
});
