import { expect, test } from "vitest";
import type { GatewayStatus } from "../src/gateway/api.ts";
import { worseText } from "../src/gateway/canary-guards.tsx";
import { layOut } from "../src/gateway/layout.ts";
import { setValue } from "../src/gateway/routes-edit.ts";
import { readRoutes } from "../src/gateway/routes-model.ts";
import { withCanaryShares } from "../src/gateway/stats.ts";

const CONFIG = `models:
  bot:
    route:
      - split: {arms: {a: 1, b: 1}, canary: {arm: b, steps: [5, 100]}}   # carefully
        targets: {a: up/a, b: up/b}
`;
const status = (canary: string) =>
  ({
    routes: [
      {
        name: "bot",
        steps: [{ split: { canary }, arms: ["a", "b"].map((name, i) => ({ name, share: i ? 0.05 : 0.95 })) }],
      },
    ],
  }) as unknown as GatewayStatus;

test("a split tells which arm is let in, and an edit leaves its plan as it is", () => {
  const [route] = readRoutes(CONFIG).routes;
  const step = route!.steps[0]!;
  expect(step.split?.canary).toBe("b");
  const edited = setValue(CONFIG, [...step.path, "split", "arms", "a"], 3);
  expect(edited).toContain("canary: {arm: b, steps: [5, 100]}");
  expect(edited).toContain("# carefully");
});

test("the graph shows what a canary's arms get now, and weights where there is none", () => {
  const graph = layOut(readRoutes(CONFIG).routes[0]!, 900);
  const shares = (canary: string) =>
    withCanaryShares(graph, "bot", status(canary))
      .nodes.filter((node) => node.kind === "arm")
      .map((node) => node.share);
  expect(shares("can_1")).toEqual([0.95, 0.05]);
  expect(shares("")).toEqual([0.5, 0.5]);
});

test("how much worse is said in the unit of its metric", () => {
  expect(worseText("error_rate", 0.0123)).toBe("+1.2 pt");
  expect(worseText("p95_latency", -0.2)).toBe("−20.0 %");
  expect(worseText("score", 0.02)).toBe("+0.020");
  expect(worseText("cost", null)).toBe("∞");
  expect(worseText("cost", 0)).toBe("0.0 %");
});
