/** The sections `cache` and `guardrails` of a model, read from the configuration's text and changed in it. Pure. */
import { isMap, isScalar, isSeq, parseDocument, type YAMLMap } from "yaml";
import { type GuardSide, kindOf } from "./guard-kinds.ts";
import { removeAt, setValue, type Value, writeDocument } from "./routes-edit.ts";
import type { Path } from "./routes-model.ts";

export interface CacheSettings {
  /** "" where it is off. */
  exact: string;
  scope: string;
  semantic: { threshold: number; ttl: string; scope: string; embedder: string } | null;
}

export interface GuardEntry {
  path: Path;
  kind: string;
  /** What is written, as text; a list joined by commas. The main option is under its name. */
  options: Record<string, string>;
}

/** Whose guards a model has: those of all models, its own, or none. */
export type GuardSource = "shared" | "own" | "none";

export interface GuardSettings {
  source: GuardSource;
  /** How many it would have from the section for all models. */
  shared: number;
  input: GuardEntry[];
  output: GuardEntry[];
}

const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

export function readCache(source: string, model: Path): CacheSettings {
  const node = parseDocument(source).getIn([...model, "cache"], true);
  if (!isMap(node)) return { exact: "", scope: "key", semantic: null };
  const semantic = node.get("semantic");
  return {
    exact: text(node.get("exact")),
    scope: text(node.get("scope")) || "key",
    semantic: isMap(semantic)
      ? {
          threshold: semantic.has("threshold") ? Number(semantic.get("threshold")) : 0.95,
          ttl: text(semantic.get("ttl")),
          scope: text(semantic.get("scope")),
          embedder: text(semantic.get("embedder")),
        }
      : null,
  };
}

/** Sets one value of the cache; null takes it out, and the section with its last one. */
export function setCache(source: string, model: Path, path: Path, value: Value | null): string {
  const whole = [...model, "cache", ...path];
  const next = value === null ? removeAt(source, whole) : setValue(source, whole, value);
  const document = parseDocument(next);
  const cache = document.getIn([...model, "cache"], true);
  // `scope` alone caches nothing, and is refused.
  return isMap(cache) && !cache.has("exact") && !cache.has("semantic") ? removeAt(next, [...model, "cache"]) : next;
}

/** Turns the semantic cache on with its usual values. */
export function addSemantic(source: string, model: Path): string {
  const document = parseDocument(source);
  document.setIn([...model, "cache", "semantic"], document.createNode({ threshold: 0.95, ttl: "1h" }, { flow: true }));
  const cache = document.getIn([...model, "cache"], true);
  if (isMap(cache) && !cache.range) cache.flow = true;
  return writeDocument(document, source);
}

export function readGuards(source: string, model: Path): GuardSettings {
  const document = parseDocument(source);
  const path = [...model, "guardrails"];
  const own = document.getIn(path, true);
  const shared = document.get("guardrails");
  const sides = isMap(own) ? own : undefined;
  const input = readSide(sides, path, "input");
  const output = readSide(sides, path, "output");
  const count = isMap(shared)
    ? readSide(shared, ["guardrails"], "input").length + readSide(shared, ["guardrails"], "output").length
    : 0;
  return { source: !sides ? "shared" : sides.items.length > 0 ? "own" : "none", shared: count, input, output };
}

function readSide(section: YAMLMap | undefined, path: Path, side: GuardSide): GuardEntry[] {
  const list = section?.get(side);
  if (!isSeq(list)) return [];
  return list.items.flatMap((item, at) => {
    const entry = readEntry(item, [...path, side, at]);
    return entry ? [entry] : [];
  });
}

function readEntry(node: unknown, path: Path): GuardEntry | null {
  if (isScalar(node)) return { path, kind: text(node.value), options: {} };
  if (!isMap(node) || node.items.length !== 1) return null;
  const [pair] = node.items;
  const kind = isScalar(pair?.key) ? text(pair.key.value) : "";
  if (isMap(pair?.value))
    return {
      path,
      kind,
      options: Object.fromEntries(
        pair.value.items.map((p) => [text(isScalar(p.key) ? p.key.value : ""), plain(p.value)]),
      ),
    };
  return { path, kind, options: { [kindOf(kind).main]: plain(pair?.value) } };
}

const plain = (node: unknown): string =>
  isSeq(node) ? node.items.map(plain).join(", ") : isScalar(node) ? text(node.value) : isMap(node) ? "{…}" : text(node);

/** Whose guards the model has. Its own begin as those of all models. */
export function setGuardSource(source: string, model: Path, from: GuardSource): string {
  const path = [...model, "guardrails"];
  if (from === "shared") return removeAt(source, path);
  const document = parseDocument(source);
  const shared = document.get("guardrails", true);
  const section =
    from === "own" && isMap(shared) && shared.items.length > 0
      ? shared.clone()
      : document.createNode(from === "own" ? { input: ["pii"] } : {}, { flow: true });
  document.setIn(path, section);
  if (from === "own") unflow(document, model);
  return writeDocument(document, source);
}

/** A model in one line becomes several where a section of its own is added. */
function unflow(document: ReturnType<typeof parseDocument>, model: Path): void {
  const node = document.getIn(model, true);
  if (isMap(node)) node.flow = false;
}

export function addGuard(
  source: string,
  model: Path,
  side: GuardSide,
  kind: string,
  options: Record<string, Value | string[]>,
): string {
  const document = parseDocument(source);
  const path = [...model, "guardrails", side];
  const names = Object.keys(options);
  const alone = names.length === 1 && names[0] === kindOf(kind).main;
  const entry =
    names.length === 0
      ? document.createNode(kind)
      : document.createNode({ [kind]: alone ? options[names[0]!] : options }, { flow: true });
  const list = document.getIn(path, true);
  if (isSeq(list)) list.items.push(entry);
  else document.setIn(path, document.createNode([entry]));
  unflow(document, model);
  return writeDocument(document, source);
}

/** Without the last guard a model has none, also where all others have some. */
export function removeGuard(source: string, model: Path, entry: GuardEntry): string {
  const document = parseDocument(source);
  const list = entry.path.slice(0, -1);
  document.deleteIn(entry.path);
  const items = document.getIn(list, true);
  if (isSeq(items) && items.items.length === 0) document.deleteIn(list);
  const section = document.getIn([...model, "guardrails"], true);
  if (isMap(section) && !section.has("input") && !section.has("output")) {
    if (isMap(document.get("guardrails")))
      document.setIn([...model, "guardrails"], document.createNode({}, { flow: true }));
    else document.deleteIn([...model, "guardrails"]);
  }
  return writeDocument(document, source);
}

/** Sets one option of a guard, or takes it out; `pii`, `{max_cost: 0.05}` and `{pii: {…}}` become what they have to be. */
export function setGuardOption(
  source: string,
  entry: GuardEntry,
  name: string,
  value: Value | string[] | null,
): string {
  const document = parseDocument(source);
  const node = document.getIn(entry.path, true);
  const main = kindOf(entry.kind).main;
  const options = new Map<string, unknown>();
  if (isMap(node)) {
    const under = node.items[0]?.value;
    if (isMap(under)) {
      if (under.items.length > 1 || value !== null) {
        const path = [...entry.path, entry.kind, name];
        if (value === null) document.deleteIn(path);
        else if (typeof value !== "object" && under.has(name)) return setValue(source, path, value);
        else document.setIn(path, document.createNode(value, { flow: true }));
        return writeDocument(document, source);
      }
    } else options.set(main, under);
  }
  if (value === null) options.delete(name);
  else options.set(name, value);
  const alone = options.size === 1 && options.has(main);
  document.setIn(
    entry.path,
    options.size === 0
      ? document.createNode(entry.kind)
      : document.createNode({ [entry.kind]: alone ? options.get(main) : Object.fromEntries(options) }, { flow: true }),
  );
  return writeDocument(document, source);
}
