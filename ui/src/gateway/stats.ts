/** The gateway's live state, looked up by what a screen shows. Pure. */
import type { GatewayStatus, TargetStatus, Traffic } from "./api.ts";
import type { Graph, GraphNode } from "./layout.ts";

export type BreakerState = TargetStatus["keys"][number]["state"];

export interface Stats {
  perMinute: number;
  requests: number;
  /** 0 to 1. */
  errorRate: number;
  p50Ms: number | null;
  p95Ms: number | null;
  /** What balancing goes by; null where nothing was called. */
  averageMs: number | null;
  inFlight: number;
  /** The worst of a target's keys; null where there is no breaker. */
  breaker: BreakerState | null;
}

const SEVERITY: BreakerState[] = ["closed", "ramping", "cooling", "half_open", "open"];

export const worstBreaker = (states: BreakerState[]): BreakerState | null =>
  states.reduce<BreakerState | null>(
    (worst, state) => (worst === null || SEVERITY.indexOf(state) > SEVERITY.indexOf(worst) ? state : worst),
    null,
  );

export function statsOfTraffic(traffic: Traffic, status: Pick<GatewayStatus, "at" | "processes">): Stats {
  // Processes that have all just started haven't seen a whole window yet.
  const oldest = Math.min(...status.processes.map((process) => Date.parse(process.started_at)));
  const alive = (Date.parse(status.at) - oldest) / 1000;
  const window = Math.max(10, Math.min(traffic.window_s, alive));
  return {
    perMinute: (traffic.requests * 60) / window,
    requests: traffic.requests,
    errorRate: traffic.requests > 0 ? traffic.errors / traffic.requests : 0,
    p50Ms: traffic.p50_ms,
    p95Ms: traffic.p95_ms,
    averageMs: null,
    inFlight: 0,
    breaker: null,
  };
}

export function statsOfTarget(target: TargetStatus, status: GatewayStatus): Stats {
  return {
    ...statsOfTraffic(target.traffic, status),
    averageMs: target.latency_ms,
    inFlight: target.in_flight,
    breaker: worstBreaker(target.keys.map((key) => key.state)),
  };
}

export const findTarget = (status: GatewayStatus | undefined, name: string): TargetStatus | null =>
  status?.targets.find((target) => target.name === name) ?? null;

/** Several parts as one. Quantiles don't add up, so only a single part has them. */
function sumOf(parts: Stats[]): Stats {
  const [first] = parts;
  const requests = parts.reduce((sum, part) => sum + part.requests, 0);
  const errors = parts.reduce((sum, part) => sum + part.requests * part.errorRate, 0);
  const alone = parts.length === 1;
  return {
    perMinute: parts.reduce((sum, part) => sum + part.perMinute, 0),
    requests,
    errorRate: requests > 0 ? errors / requests : 0,
    p50Ms: alone ? first!.p50Ms : null,
    p95Ms: alone ? first!.p95Ms : null,
    averageMs: null,
    inFlight: 0,
    breaker: null,
  };
}

/** The graph with the shares that arms of canaries have now, instead of those that their weights would give. */
export function withCanaryShares(graph: Graph, model: string, status: GatewayStatus | undefined): Graph {
  const steps = status?.routes.find((candidate) => candidate.name === model)?.steps;
  if (!steps?.some((step) => step.split?.canary)) return graph;
  const nodes = graph.nodes.map((node) => {
    const step = steps[node.step];
    const arm = step?.split?.canary && node.kind === "arm" && step.arms.find((known) => known.name === node.arm);
    return arm ? { ...node, share: arm.share } : node;
  });
  return { ...graph, nodes };
}

/** What the server counted for a part of a route. Parts that were only drafted have nothing yet. */
export function statsOfNode(node: GraphNode, model: string, status: GatewayStatus | undefined): Stats | null {
  if (!status) return null;
  const route = status.routes.find((candidate) => candidate.name === model);
  if (node.kind === "model") return route ? statsOfTraffic(route.traffic, status) : null;
  if (node.kind === "target" || node.kind === "fallback" || node.kind === "mirror") {
    const target = findTarget(status, node.label);
    return target ? statsOfTarget(target, status) : null;
  }
  const arms = route?.steps[node.step]?.arms ?? [];
  if (node.kind === "arm") {
    const arm = arms.find((candidate) => candidate.name === node.arm);
    return arm ? statsOfTraffic(arm.traffic, status) : null;
  }
  return arms.length > 0 ? sumOf(arms.map((arm) => statsOfTraffic(arm.traffic, status))) : null;
}
