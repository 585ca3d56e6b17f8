import { expect, test } from "vitest";
import { edgePath, layOut, neighbour } from "../src/gateway/layout.ts";
import { diffLines, folded, merge, sideBySide } from "../src/gateway/line-diff.ts";
import {
  addArm,
  addFallback,
  addModel,
  addSplit,
  addStep,
  expand,
  removeArm,
  removeAt,
  setMirror,
  setTarget,
  setTargetWeight,
  setValue,
} from "../src/gateway/routes-edit.ts";
import { readRoutes } from "../src/gateway/routes-model.ts";

const CONFIG = `# who answers what
providers:
  openai: {type: openai, keys: [{env: OPENAI_API_KEY}]}   # the big one
  box: {type: openai_compatible, base_url: "http://10.0.0.7:8000/v1", allow_private: true}

models:
  # the support assistant
  support-bot:
    route:
      - {when: metadata.plan == "free", targets: [local/smollm2]}
      - split: {sticky: session_id, arms: {a: 90, b: 10}, experiment: exp-12}
        targets: {a: {use: openai/gpt-4o-mini}, b: [box/qwen, local/smollm2]}
        fallback: [box/qwen, local/smollm2]   # in this order
        mirror: {use: box/qwen, sample: 0.05}
    timeouts: {ttft: 10s}
    retry: {max: 2}
  draft: {use: local/smollm2}
`;

const route = (text: string, name: string) => readRoutes(text).routes.find((candidate) => candidate.name === name)!;

test("reads routes with the paths of their parts", () => {
  const model = readRoutes(CONFIG);
  expect(model.error).toBeNull();
  expect(model.providers).toEqual(["local", "openai", "box"]);
  expect(model.routes.map((each) => [each.name, each.short, each.line])).toEqual([
    ["support-bot", false, 8],
    ["draft", true, 17],
  ]);
  const [free, rest] = route(CONFIG, "support-bot").steps;
  expect(free?.when).toBe('metadata.plan == "free"');
  expect(free?.arms[0]?.targets[0]?.use).toBe("local/smollm2");
  expect(rest?.arms.map((arm) => [arm.name, arm.weight, arm.targets.map((target) => target.use)])).toEqual([
    ["a", 90, ["openai/gpt-4o-mini"]],
    ["b", 10, ["box/qwen", "local/smollm2"]],
  ]);
  expect(rest?.fallbacks.fallback.map((target) => target.use)).toEqual(["box/qwen", "local/smollm2"]);
  expect(rest?.mirror).toMatchObject({ use: "box/qwen", sample: 0.05 });
  expect(route(CONFIG, "support-bot").timeouts).toEqual({ ttft: "10s" });
});

test("a broken file is an error and not a crash", () => {
  expect(readRoutes("models: {a: [").error).not.toBeNull();
  expect(readRoutes("").routes).toEqual([]);
  expect(readRoutes("models: 3\nproviders: []").routes).toEqual([]);
});

test("an edit of a scalar changes its line and nothing else", () => {
  const edited = setValue(CONFIG, ["models", "support-bot", "route", 1, "split", "arms", "a"], 70);
  const changed = diffLines(CONFIG, edited).filter((line) => line.kind !== "same");
  expect(changed.map((line) => line.text.trim())).toEqual([
    "- split: {sticky: session_id, arms: {a: 90, b: 10}, experiment: exp-12}",
    "- split: {sticky: session_id, arms: {a: 70, b: 10}, experiment: exp-12}",
  ]);
  const when = setValue(CONFIG, ["models", "support-bot", "route", 0, "when"], 'metadata.plan in ["free", "trial"]');
  expect(route(when, "support-bot").steps[0]?.when).toBe('metadata.plan in ["free", "trial"]');
  expect(diffLines(CONFIG, when).filter((line) => line.kind !== "same")).toHaveLength(2);
});

test("what goes through the document keeps comments and the style around it", () => {
  const edited = addFallback(CONFIG, ["models", "support-bot", "route", 1], "fallback", "openai/gpt-4o");
  for (const comment of ["# who answers what", "# the big one", "# the support assistant", "# in this order"])
    expect(edited).toContain(comment);
  expect(edited).toContain("fallback: [box/qwen, local/smollm2, openai/gpt-4o]");
  expect(diffLines(CONFIG, edited).filter((line) => line.kind !== "same").length).toBeLessThanOrEqual(6);
});

test("targets: renamed, weighed, added, removed", () => {
  const path = ["models", "support-bot", "route", 1, "targets", "b", 0];
  expect(route(setTarget(CONFIG, path, "box/other"), "support-bot").steps[1]?.arms[1]?.targets[0]?.use).toBe(
    "box/other",
  );
  const weighed = setTargetWeight(CONFIG, path, 3);
  expect(route(weighed, "support-bot").steps[1]?.arms[1]?.targets[0]).toMatchObject({ use: "box/qwen", weight: 3 });
  expect(setTargetWeight(weighed, path, 1)).not.toContain("weight");
  const removed = removeAt(CONFIG, path);
  expect(route(removed, "support-bot").steps[1]?.arms[1]?.targets.map((target) => target.use)).toEqual([
    "local/smollm2",
  ]);
});

test("routes grow: written out, a step before, a split, an arm, a mirror, a model", () => {
  const long = expand(CONFIG, "draft");
  expect(route(long, "draft")).toMatchObject({ short: false });
  expect(route(long, "draft").steps[0]?.arms[0]?.targets[0]?.use).toBe("local/smollm2");
  const stepped = addStep(CONFIG, "draft", 'user_id == "u1"', "openai/gpt-4o");
  expect(route(stepped, "draft").steps.map((step) => step.when)).toEqual(['user_id == "u1"', ""]);
  const split = addSplit(long, ["models", "draft", "route", 0], "openai/gpt-4o");
  expect(route(split, "draft").steps[0]?.arms.map((arm) => arm.name)).toEqual(["a", "b"]);
  const third = addArm(split, ["models", "draft", "route", 0], "c", 5, "box/qwen");
  expect(route(third, "draft").steps[0]?.arms[2]).toMatchObject({ name: "c", weight: 5 });
  expect(route(removeArm(third, ["models", "draft", "route", 0], "c"), "draft").steps[0]?.arms).toHaveLength(2);
  expect(
    route(setMirror(long, ["models", "draft", "route", 0], "box/qwen", 0.1), "draft").steps[0]?.mirror,
  ).toMatchObject({
    use: "box/qwen",
    sample: 0.1,
  });
  expect(route(addModel("", "first", "local/tiny"), "first").steps[0]?.arms[0]?.targets[0]?.use).toBe("local/tiny");
});

test("a graph has every part once, in columns, and arrows lead through it", () => {
  const graph = layOut(route(CONFIG, "support-bot"));
  const ids = graph.nodes.map((node) => node.id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const edge of graph.edges) expect([ids.includes(edge.from), ids.includes(edge.to)]).toEqual([true, true]);
  for (const a of graph.nodes) for (const b of graph.nodes) if (a !== b) expect([a.x, a.y]).not.toEqual([b.x, b.y]);
  expect(neighbour(graph, "model", "right")).toMatch(/^s\d$/);
  expect(neighbour(graph, "model", "left")).toBeNull();
  expect(graph.edges.some((edge) => edge.style === "mirror")).toBe(true);
  expect(edgePath(graph.nodes[0]!, graph.nodes[1]!)).toMatch(/^M/);
  const draft = layOut(route(CONFIG, "draft"));
  expect(draft.nodes.map((node) => node.kind)).toEqual(["model", "target"]);
});

test("line differences, side by side and folded", () => {
  const [before, after] = ["a\nb\nc\nd\n", "a\nx\nc\nd\ne\n"];
  const lines = diffLines(before, after);
  expect(lines.map((line) => `${line.kind[0]}${line.text}`)).toEqual(["sa", "rb", "ax", "sc", "sd", "ae"]);
  expect(sideBySide(lines)[1]).toMatchObject({ left: { text: "b" }, right: { text: "x" } });
  expect(diffLines("", "a\n")).toHaveLength(1);
  expect(diffLines("same\n", "same\n").every((line) => line.kind === "same")).toBe(true);
  const many = Array.from({ length: 40 }, (_, n) => `line ${n}`).join("\n");
  expect(folded(diffLines(many, `${many}\nend`), (line) => line.kind !== "same")[0]).toBe(37);
});

test("any two texts: the script leads from one to the other", () => {
  let seed = 7;
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  for (let round = 0; round < 200; round++) {
    const [a, b] = [0, 1].map(() => Array.from({ length: random(9) }, () => "abc"[random(3)]!));
    const lines = diffLines(a!.join("\n"), b!.join("\n"));
    expect(lines.filter((line) => line.kind !== "added").map((line) => line.text)).toEqual(a);
    expect(lines.filter((line) => line.kind !== "removed").map((line) => line.text)).toEqual(b);
  }
});

test("changes of two people merge where they don't touch", () => {
  const base = "a\nb\nc\nd\ne\n";
  expect(merge(base, "a\nB\nc\nd\ne\n", "a\nb\nc\nd\nE\n")).toBe("a\nB\nc\nd\nE\n");
  expect(merge(base, "a\nB\nc\nd\ne\n", "a\nX\nc\nd\ne\n")).toBeNull();
  expect(merge(base, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n")).toBe("a\nB\nc\nd\ne\n");
  expect(merge(base, base, "x\n")).toBe("x\n");
});
