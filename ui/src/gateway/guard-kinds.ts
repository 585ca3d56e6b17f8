/** The kinds of guards that the forms know, as the server's own. A kind of somebody else's is edited as far as it goes. */

export const GUARD_ACTIONS = ["mask", "replace", "block", "observe"] as const;
export type GuardAction = (typeof GUARD_ACTIONS)[number];
export type GuardSide = "input" | "output";

export interface GuardKind {
  /** The first is usual. */
  actions: readonly GuardAction[];
  sides: readonly GuardSide[];
  /** The options that the form has fields for. */
  options: readonly GuardOption[];
  /** Which of them a bare value stands for. */
  main: string;
  /** It waits for something, so it has a timeout. */
  waits: boolean;
  onError: "block" | "allow";
}

export interface GuardOption {
  name: string;
  type: "text" | "words" | "number";
  needed: boolean;
  usual: string;
}

const BOTH: readonly GuardSide[] = ["input", "output"];
const text = (name: string, usual: string, needed = true): GuardOption => ({ name, type: "text", needed, usual });
const words = (name: string, usual: string, needed = true): GuardOption => ({ name, type: "words", needed, usual });
const number = (name: string, usual: string, needed = true): GuardOption => ({ name, type: "number", needed, usual });

const kind = (
  actions: readonly GuardAction[],
  options: readonly GuardOption[],
  more: Partial<GuardKind> = {},
): GuardKind => ({
  actions,
  options,
  main: options[0]?.name ?? "",
  sides: BOTH,
  waits: false,
  onError: "block",
  ...more,
});

export const GUARD_KINDS: Readonly<Record<string, GuardKind>> = {
  pii: kind(["mask", "block", "replace", "observe"], [words("kinds", "email, phone", false)]),
  secrets: kind(["block", "mask", "replace", "observe"], [], { main: "" }),
  injection: kind(["block", "observe"], [number("threshold", "1.0", false)]),
  keywords: kind(["block", "replace", "mask", "observe"], [words("words", "Project X, 極秘")]),
  regex: kind(["block", "mask", "replace", "observe"], [text("pattern", "(?i)project\\s+x")]),
  schema: kind(["block", "observe"], [text("file", "answer.json")], { sides: ["output"], waits: true }),
  judge: kind(["block", "observe"], [text("model", "local/smollm2"), text("rubric", "It gives medical advice.")], {
    main: "",
    waits: true,
    onError: "allow",
  }),
  max_cost: kind(["block", "observe"], [number("usd", "0.05")], { sides: ["input"], waits: true }),
  length: kind(["block", "observe"], [number("max_chars", "20000")], { waits: true }),
};

/** A kind that the forms don't know: whatever it does, the server judges. */
const UNKNOWN: GuardKind = kind(["block", "mask", "replace", "observe"], [], { main: "", waits: true });

const ALIASES: Record<string, GuardKind> = {
  pii_mask: GUARD_KINDS.pii!,
  pii_block: { ...GUARD_KINDS.pii!, actions: ["block", "mask", "replace", "observe"] },
};

export const kindOf = (name: string): GuardKind => GUARD_KINDS[name] ?? ALIASES[name] ?? UNKNOWN;
