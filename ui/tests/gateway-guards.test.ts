import { expect, test } from "vitest";
import {
  addGuard,
  addSemantic,
  readCache,
  readGuards,
  removeGuard,
  setCache,
  setGuardOption,
  setGuardSource,
} from "../src/gateway/guards-edit.ts";

const CONFIG = `# who answers what
guardrails: {input: [pii, secrets]}   # for all
models:
  faq: {use: openai/gpt-4o-mini, cache: {exact: 1h}}
  bot:   # the support assistant
    use: box/qwen
    guardrails:
      input:
        - pii   # masks
        - {max_cost: 0.05}
        - keywords: {words: [bomb, 爆弾], action: observe}
  draft: {use: box/qwen}
`;
const FAQ = ["models", "faq"];
const BOT = ["models", "bot"];
const DRAFT = ["models", "draft"];
const entry = (text: string, at: number) => readGuards(text, BOT).input[at]!;

test("reads a cache and sets it", () => {
  expect(readCache(CONFIG, FAQ)).toEqual({ exact: "1h", scope: "key", semantic: null });
  expect(readCache(CONFIG, DRAFT).exact).toBe("");
  expect(setCache(CONFIG, DRAFT, ["exact"], "10m")).toContain("draft: {use: box/qwen, cache: {exact: 10m}}");
  expect(setCache(CONFIG, FAQ, ["exact"], "2h")).toBe(CONFIG.replace("exact: 1h", "exact: 2h"));
  const similar = addSemantic(CONFIG, FAQ);
  expect(similar).toContain("cache: {exact: 1h, semantic: {threshold: 0.95, ttl: 1h}}");
  expect(setCache(similar, FAQ, ["semantic", "threshold"], 0.97)).toContain("threshold: 0.97");
  expect(addSemantic(CONFIG, DRAFT)).toContain("{use: box/qwen, cache: {semantic: {threshold: 0.95, ttl: 1h}}}");
});

test("a cache that caches nothing isn't written", () => {
  const scoped = setCache(CONFIG, FAQ, ["scope"], "project");
  expect(scoped).toContain("cache: {exact: 1h, scope: project}");
  expect(setCache(scoped, FAQ, ["exact"], null)).toContain("faq: {use: openai/gpt-4o-mini}");
  expect(setCache(addSemantic(CONFIG, DRAFT), DRAFT, ["semantic"], null)).toContain("draft: {use: box/qwen}\n");
});

test("reads guards however they are written", () => {
  const guards = readGuards(CONFIG, BOT);
  expect(guards.source).toBe("own");
  expect(guards.shared).toBe(2);
  expect(guards.input.map((each) => [each.kind, each.options])).toEqual([
    ["pii", {}],
    ["max_cost", { usd: "0.05" }],
    ["keywords", { words: "bomb, 爆弾", action: "observe" }],
  ]);
  expect(readGuards(CONFIG, DRAFT).source).toBe("shared");
  expect(readGuards(CONFIG.replace("{use: box/qwen}", "{use: box/qwen, guardrails: {}}"), DRAFT).source).toBe("none");
});

test("an entry takes the form that its options need, and comments stay", () => {
  const masked = setGuardOption(CONFIG, entry(CONFIG, 0), "action", "block");
  expect(masked).toContain("- {pii: {action: block}}");
  expect(setGuardOption(masked, entry(masked, 0), "action", null)).toContain("- pii\n");
  const observed = setGuardOption(CONFIG, entry(CONFIG, 1), "action", "observe");
  expect(observed).toContain("- {max_cost: {usd: 0.05, action: observe}}");
  expect(setGuardOption(CONFIG, entry(CONFIG, 1), "usd", 0.1)).toContain("- {max_cost: 0.1}");
  const words = setGuardOption(CONFIG, entry(CONFIG, 2), "words", ["bomb"]);
  expect(words).toContain("keywords: {words: [bomb], action: observe}");
  expect(words).toContain("# the support assistant");
  expect(setGuardOption(CONFIG, entry(CONFIG, 2), "action", "block")).toBe(CONFIG.replace("observe", "block"));
});

test("guards are added and removed", () => {
  const judged = addGuard(CONFIG, BOT, "output", "judge", { model: "box/qwen", rubric: "It is rude." });
  expect(judged).toContain("output:\n        - {judge: {model: box/qwen, rubric: It is rude.}}");
  expect(addGuard(CONFIG, BOT, "input", "secrets", {})).toContain("- secrets\n");
  expect(addGuard(CONFIG, BOT, "input", "length", { max_chars: 900 })).toContain("- {length: 900}");
  let text = CONFIG;
  for (let left = 3; left > 0; left--) text = removeGuard(text, BOT, entry(text, 0));
  expect(text).toContain("use: box/qwen\n    guardrails: {}");
  expect(readGuards(text, BOT).source).toBe("none");
});

test("whose guards a model has", () => {
  const own = setGuardSource(CONFIG, DRAFT, "own");
  expect(readGuards(own, DRAFT).input.map((each) => each.kind)).toEqual(["pii", "secrets"]);
  const none = setGuardSource(CONFIG, DRAFT, "none");
  expect(none).toContain("draft: {use: box/qwen, guardrails: {}}");
  expect(readGuards(setGuardSource(none, DRAFT, "shared"), DRAFT).source).toBe("shared");
  const alone = setGuardSource(CONFIG.replace(/guardrails: \{input.*\n/, ""), DRAFT, "own");
  expect(readGuards(alone, DRAFT).input.map((each) => each.kind)).toEqual(["pii"]);
});
