import { expect, test } from "vitest";
import { metadataOf, ruleBody, ruleFieldsOf } from "../src/gateway/rule-draft.ts";
import type { Rule } from "../src/gateway/rules-api.ts";

const rule = {
  id: "rul_1",
  name: "r",
  rpm: 5,
  tpm: null,
  max_concurrency: null,
  keys: [],
  models: ["a", "b*"],
  user: "",
  metadata: { "a=b": " c ", team: "two\nlines" },
  priority: 3,
  always: false,
  shadow: false,
} as unknown as Rule;

test("what isn't edited is sent as it was, also what lines can't say", () => {
  const { id, ...rest } = rule as unknown as Record<string, unknown>;
  expect(id).toBe("rul_1");
  expect(ruleBody(ruleFieldsOf(rule), rule)).toMatchObject(rest);
});

test("edited metadata is read line by line", () => {
  const fields = { ...ruleFieldsOf(rule), metadata: "team = red\n\nplan=a=b\nalone" };
  expect(ruleBody(fields, rule).metadata).toEqual({ team: "red", plan: "a=b", alone: "" });
  expect(metadataOf("")).toEqual({});
});

test("a rule that is always in force has no priority", () => {
  expect(ruleBody({ ...ruleFieldsOf(rule), always: true }, rule).priority).toBe(0);
});
