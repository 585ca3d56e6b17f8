/**
 * The routes of a gateway configuration as the graph needs them, read from its YAML. Pure.
 *
 * Tolerant: what it can't read it leaves out, because the server is the one that judges. Every part knows its path in
 * the document, so that an edit finds it again.
 */

import { isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from "yaml";
import type { FallbackKind } from "./fallbacks.ts";

export type Path = readonly (string | number)[];

export interface Target {
  path: Path;
  use: string;
  weight: number;
}

export interface Arm {
  /** "" without a split. */
  name: string;
  weight: number;
  targets: Target[];
}

export interface Split {
  path: Path;
  sticky: string;
  experiment: string;
  metric: string;
  bandit: boolean;
  /** The arm that is let in step by step; "" for none. */
  canary: string;
}

export interface Mirror {
  path: Path;
  use: string;
  sample: number;
}

export interface Step {
  path: Path;
  when: string;
  choose: string;
  split: Split | null;
  arms: Arm[];
  fallbacks: Record<FallbackKind, Target[]>;
  mirror: Mirror | null;
}

export interface Route {
  name: string;
  path: Path;
  line: number;
  /** Written as `{use: …}`: one target, no steps. */
  short: boolean;
  steps: Step[];
  timeouts: Record<string, string>;
  retry: Record<string, string>;
  /** Sections that have no form, such as `tools`. */
  sections: string[];
}

export interface RoutesModel {
  routes: Route[];
  providers: string[];
  /** What stops the file from being YAML at all. */
  error: string | null;
}

export function readRoutes(text: string): RoutesModel {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const error = document.errors[0]?.message ?? null;
  const models = document.get("models");
  const providers = document.get("providers");
  const routes: Route[] = [];
  if (isMap(models))
    for (const pair of models.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : "";
      const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
      if (isMap(pair.value)) routes.push(readRoute(name, pair.value as YAMLMap, lines.linePos(offset).line));
    }
  const names = isMap(providers)
    ? providers.items.map((pair) => (isScalar(pair.key) ? String(pair.key.value) : ""))
    : [];
  return { routes, providers: ["local", ...names.filter(Boolean)], error };
}

const DRAWN = new Set(["use", "route", "fallback", "timeouts", "retry", "cache", "guardrails"]);

function readRoute(name: string, map: YAMLMap, line: number): Route {
  const path: Path = ["models", name];
  const keys = map.items.map((pair) => (isScalar(pair.key) ? String(pair.key.value) : ""));
  const route = map.get("route");
  const short = !isSeq(route);
  return {
    name,
    path,
    line,
    short,
    steps: short
      ? [readShort(map, path)]
      : route.items.flatMap((item, at) => (isMap(item) ? [readStep(item as YAMLMap, [...path, "route", at])] : [])),
    timeouts: words(map.get("timeouts")),
    retry: words(map.get("retry")),
    sections: keys.filter((key) => key !== "" && !DRAWN.has(key)),
  };
}

const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

function words(node: unknown): Record<string, string> {
  if (!isMap(node)) return {};
  return Object.fromEntries(
    node.items.flatMap((pair) =>
      isScalar(pair.key) && isScalar(pair.value) ? [[String(pair.key.value), text(pair.value.value)]] : [],
    ),
  );
}

const readFallbacks = (map: YAMLMap, path: Path): Step["fallbacks"] => ({
  fallback: readTargets(map.get("fallback"), [...path, "fallback"]),
  context_fallback: readTargets(map.get("context_fallback"), [...path, "context_fallback"]),
  content_fallback: readTargets(map.get("content_fallback"), [...path, "content_fallback"]),
});

function readShort(map: YAMLMap, path: Path): Step {
  const target = readTarget(map.get("use", true), [...path, "use"]);
  return {
    path,
    when: "",
    choose: "balanced",
    split: null,
    arms: [{ name: "", weight: 1, targets: target ? [target] : [] }],
    fallbacks: readFallbacks(map, path),
    mirror: null,
  };
}

function readStep(map: YAMLMap, path: Path): Step {
  const split = map.get("split");
  const canary = isMap(split) ? split.get("canary") : undefined;
  const arms = isMap(split) ? split.get("arms") : undefined;
  const mirror = map.get("mirror");
  return {
    path,
    when: text(map.get("when")),
    choose: text(map.get("choose")) || "balanced",
    split: isMap(split)
      ? {
          path: [...path, "split"],
          sticky: text(split.get("sticky")) || "session_id",
          experiment: text(split.get("experiment")),
          metric: text(split.get("metric")),
          bandit: split.has("bandit"),
          canary: isMap(canary) ? text(canary.get("arm")) : "",
        }
      : null,
    arms: isMap(arms)
      ? arms.items.map((pair) => {
          const name = isScalar(pair.key) ? String(pair.key.value) : "";
          const weight = isScalar(pair.value) ? Number(pair.value.value) : 0;
          const targets = map.get("targets");
          const under = isMap(targets) ? targets.get(name, true) : undefined;
          return { name, weight, targets: readTargets(under, [...path, "targets", name]) };
        })
      : [{ name: "", weight: 1, targets: readTargets(map.get("targets"), [...path, "targets"]) }],
    fallbacks: readFallbacks(map, path),
    mirror: isMap(mirror)
      ? {
          path: [...path, "mirror"],
          use: readUse(mirror.get("use")),
          sample: mirror.has("sample") ? Number(mirror.get("sample")) : 1,
        }
      : null,
  };
}

const readUse = (node: unknown): string => (isMap(node) ? text(node.get("use")) : text(node));

/** A list of targets, or one alone. */
function readTargets(node: unknown, path: Path): Target[] {
  if (isSeq(node))
    return node.items.flatMap((item, at) => {
      const target = readTarget(item, [...path, at]);
      return target ? [target] : [];
    });
  const alone = readTarget(node, path);
  return alone ? [alone] : [];
}

/** `provider/model`, or a map with `use`. */
function readTarget(node: unknown, path: Path): Target | null {
  if (isScalar(node)) return node.value == null ? null : { path, use: String(node.value), weight: 1 };
  if (!isMap(node)) return null;
  const weight = node.get("weight");
  return { path, use: readUse(node), weight: typeof weight === "number" ? weight : 1 };
}
