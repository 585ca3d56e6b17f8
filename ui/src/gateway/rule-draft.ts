/** A rule as its form holds it, and what of it is sent: a priority without effect is left out, as the server wants. */
import { namesOf } from "./policy-form.tsx";
import type { Rule, RuleDraft } from "./rules-api.ts";

export interface RuleFields {
  name: string;
  rpm: string;
  tpm: string;
  concurrency: string;
  keys: readonly string[];
  models: string;
  user: string;
  metadata: string;
  priority: string;
  always: boolean;
  shadow: boolean;
}

const linesOf = (metadata: Record<string, string>): string =>
  Object.entries(metadata)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");

export const ruleFieldsOf = (rule: Rule | null): RuleFields => ({
  name: rule?.name ?? "",
  rpm: String(rule?.rpm ?? ""),
  tpm: String(rule?.tpm ?? ""),
  concurrency: String(rule?.max_concurrency ?? ""),
  keys: rule?.keys ?? [],
  models: (rule?.models ?? []).join("\n"),
  user: rule?.user ?? "",
  metadata: linesOf(rule?.metadata ?? {}),
  priority: String(rule?.priority ?? 0),
  always: rule?.always ?? false,
  shadow: rule?.shadow ?? false,
});

/** `name=value` a line. A line without `=` has an empty value, which the server refuses with its reason. */
export const metadataOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean)
      .map((line) => {
        const at = line.indexOf("=");
        return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      }),
  );

const wholeOrNull = (text: string): number | null => (text.trim() === "" ? null : Number(text));

/** Metadata that nobody touched stays as it is: lines can't say every name and value that the API takes. */
const metadataOfEdit = (text: string, before: Record<string, string>): Record<string, string> =>
  text === linesOf(before) ? before : metadataOf(text);

/** `rule` is what is edited; null for a new one. */
export const ruleBody = (fields: RuleFields, rule: Rule | null): RuleDraft => ({
  name: fields.name.trim(),
  rpm: wholeOrNull(fields.rpm),
  tpm: wholeOrNull(fields.tpm),
  max_concurrency: wholeOrNull(fields.concurrency),
  keys: [...fields.keys],
  models: namesOf(fields.models),
  user: fields.user.trim(),
  metadata: metadataOfEdit(fields.metadata, rule?.metadata ?? {}),
  priority: fields.always ? 0 : Number(fields.priority),
  always: fields.always,
  shadow: fields.shadow,
});
