/**
 * Edits of a gateway configuration that keep what people wrote: comments, order, and the style of what isn't touched.
 *
 * A scalar that exists is replaced within the text, to the character; anything else goes through the document. Pure.
 */
import { type Document, isMap, isScalar, isSeq, parseDocument, Scalar, stringify, type YAMLMap } from "yaml";
import { FALLBACKS, type FallbackKind } from "./fallbacks.ts";
import { type Path, readRoutes } from "./routes-model.ts";

export type Value = string | number | boolean;

/** The document as text, in the style of the text that it was read from. */
export const writeDocument = (document: Document, source: string): string =>
  document.toString({
    lineWidth: 0,
    flowCollectionPadding: /\{ \S/.test(source),
    indentSeq: !/^(\s*)\S[^\n#]*:\s*\n\1- /m.test(source),
  });

/** Whether a text can stand in a flow collection without quotes. */
const plainInFlow = (value: string): boolean => /^[\w./@+-][\w ./@+*-]*$/.test(value) && value === value.trim();

function scalarText(value: Value): string {
  if (typeof value !== "string") return String(value);
  const written = stringify(value, { lineWidth: 0 }).trimEnd();
  return written === value && !plainInFlow(value) ? JSON.stringify(value) : written;
}

/** Sets one value; makes the maps that lead to it. */
export function setValue(source: string, path: Path, value: Value): string {
  const document = parseDocument(source);
  const node = document.getIn(path, true);
  if (isScalar(node) && node.range && (node.type === Scalar.PLAIN || node.type?.startsWith("QUOTE"))) {
    if (node.value === value) return source;
    const [start, end] = node.range;
    // A condition reads best as it was typed, without quotes, where the line belongs to it alone.
    const alone = !/[{[,]/.test(source.slice(source.lastIndexOf("\n", start) + 1, start));
    const text = typeof value === "string" && alone && isPlainBlock(value) ? value : scalarText(value);
    return source.slice(0, start) + text + source.slice(end);
  }
  document.setIn(path, value);
  tidyFlow(document, path);
  return writeDocument(document, source);
}

/** Reads back as the same text when it stands alone after `key: `. */
function isPlainBlock(value: string): boolean {
  const document = parseDocument(`k: ${value}\n`);
  return document.errors.length === 0 && document.get("k") === value && !value.includes("\n");
}

/** What is new in a flow map is written as flow too. */
function tidyFlow(document: Document, path: Path): void {
  let flow = false;
  for (let depth = 1; depth <= path.length; depth++) {
    const node = document.getIn(path.slice(0, depth), true);
    if (!isMap(node) && !isSeq(node)) return;
    if (node.range === undefined || node.range === null) node.flow = flow || depth > 3;
    flow ||= node.flow === true;
  }
}

export function removeAt(source: string, path: Path): string {
  const document = parseDocument(source);
  if (!document.deleteIn(path)) return source;
  const parent = document.getIn(path.slice(0, -1), true);
  // An empty map or list left behind says nothing, or is refused.
  if ((isMap(parent) || isSeq(parent)) && parent.items.length === 0 && path.length > 3)
    document.deleteIn(path.slice(0, -1));
  return writeDocument(document, source);
}

/** The path of what is edited at a target: `provider/model` as text is its own value. */
function targetUsePath(document: Document, path: Path): Path {
  return isMap(document.getIn(path, true)) ? [...path, "use"] : path;
}

export const setTarget = (source: string, path: Path, use: string): string =>
  setValue(source, targetUsePath(parseDocument(source), path), use);

export function setTargetWeight(source: string, path: Path, weight: number): string {
  const document = parseDocument(source);
  const node = document.getIn(path, true);
  if (isMap(node))
    return weight === 1 ? removeAt(source, [...path, "weight"]) : setValue(source, [...path, "weight"], weight);
  if (weight === 1 || !isScalar(node)) return source;
  const map = document.createNode({ use: node.value, weight }, { flow: true });
  document.setIn(path, map);
  return writeDocument(document, source);
}

/** Adds a target to a list (or to an arm, which may hold one alone). */
export function addTarget(source: string, path: Path, use: string): string {
  const document = parseDocument(source);
  const node = document.getIn(path, true);
  if (isSeq(node)) document.addIn(path, use);
  else if (node === undefined) document.setIn(path, document.createNode([use], { flow: true }));
  else {
    const list = document.createNode([], { flow: true });
    list.items = [node as never, document.createNode(use) as never];
    document.setIn(path, list);
  }
  return writeDocument(document, source);
}

/** `{use: …}` written out as a route with one step, which can hold more. */
export function expand(source: string, model: string): string {
  const document = parseDocument(source);
  const path = ["models", model];
  const use = document.getIn([...path, "use"], true);
  if (use === undefined) return source;
  const step = document.createNode({}) as YAMLMap;
  step.set("targets", document.createNode([use], { flow: true }));
  for (const kind of FALLBACKS) {
    const list = document.getIn([...path, kind], true);
    if (list === undefined) continue;
    step.set(kind, list);
    document.deleteIn([...path, kind]);
  }
  document.deleteIn([...path, "use"]);
  const map = document.getIn(path, true);
  if (isMap(map)) {
    map.flow = false;
    map.items.unshift(document.createPair("route", [step]) as never);
  }
  return writeDocument(document, source);
}

/** A step before all others, for calls that a condition picks. */
export function addStep(source: string, model: string, when: string, use: string): string {
  const route = readRoutes(source).routes.find((candidate) => candidate.name === model);
  const long = route?.short ? expand(source, model) : source;
  const document = parseDocument(long);
  const steps = document.getIn(["models", model, "route"], true);
  if (!isSeq(steps)) return source;
  steps.items.unshift(document.createNode({ when, targets: [{ use }] }, { flow: steps.flow === true }) as never);
  return writeDocument(document, long);
}

/** A step's targets become the first arm of a split, and a new target the second. */
export function addSplit(source: string, stepPath: Path, use: string): string {
  const document = parseDocument(source);
  const present = document.getIn([...stepPath, "targets"], true);
  if (present === undefined || document.hasIn([...stepPath, "split"])) return source;
  const step = document.getIn(stepPath, true);
  if (!isMap(step)) return source;
  const at = step.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === "targets");
  const split = document.createNode({ sticky: "session_id", arms: { a: 90, b: 10 } }, { flow: true });
  step.items.splice(Math.max(0, at), 0, document.createPair("split", split) as never);
  const targets = document.createNode({}) as YAMLMap;
  targets.set("a", present);
  targets.set("b", document.createNode([use], { flow: true }));
  if (step.flow) targets.flow = true;
  step.set("targets", targets);
  return writeDocument(document, source);
}

export function addArm(source: string, stepPath: Path, name: string, weight: number, use: string): string {
  const document = parseDocument(source);
  document.setIn([...stepPath, "split", "arms", name], weight);
  document.setIn([...stepPath, "targets", name], document.createNode([use], { flow: true }));
  return writeDocument(document, source);
}

export function removeArm(source: string, stepPath: Path, name: string): string {
  const document = parseDocument(source);
  document.deleteIn([...stepPath, "split", "arms", name]);
  document.deleteIn([...stepPath, "targets", name]);
  return writeDocument(document, source);
}

export function addModel(source: string, name: string, use: string): string {
  const document = parseDocument(source);
  const models = document.get("models");
  if (!isMap(models)) document.set("models", document.createNode({}));
  document.setIn(["models", name], document.createNode({ use }, { flow: true }));
  return writeDocument(document, source);
}

export function setMirror(source: string, stepPath: Path, use: string, sample: number): string {
  const document = parseDocument(source);
  if (document.hasIn([...stepPath, "mirror", "use"]))
    return setValue(setValue(source, [...stepPath, "mirror", "use"], use), [...stepPath, "mirror", "sample"], sample);
  document.setIn([...stepPath, "mirror"], document.createNode({ use, sample }, { flow: true }));
  return writeDocument(document, source);
}

export const addFallback = (source: string, stepPath: Path, kind: FallbackKind, use: string): string =>
  addTarget(source, [...stepPath, kind], use);

/** Steps are tried in order; this one changes places with its neighbour. */
export function moveStep(source: string, stepPath: Path, by: 1 | -1): string {
  const document = parseDocument(source);
  const steps = document.getIn(stepPath.slice(0, -1), true);
  const at = Number(stepPath.at(-1));
  if (!isSeq(steps) || steps.items[at] === undefined || steps.items[at + by] === undefined) return source;
  [steps.items[at], steps.items[at + by]] = [steps.items[at + by], steps.items[at]];
  return writeDocument(document, source);
}
