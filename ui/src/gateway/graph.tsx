/** A route as a graph: buttons for its parts, lines between them, live numbers on them. Arrow keys follow the lines. */
import type { KeyboardEvent, RefObject } from "react";
import { cx } from "../ui/classes.ts";
import { BreakerMark } from "./breaker.tsx";
import css from "./graph.module.css";
import { edgePath, type Graph, type GraphNode, NODE_HEIGHT, neighbour } from "./layout.ts";
import { percent, rateText } from "./numbers.ts";
import type { Stats } from "./stats.ts";
import { useGateway } from "./text/index.ts";

const DIRECTIONS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" } as const;

export function RouteGraph(props: {
  frame: RefObject<HTMLDivElement | null>;
  graph: Graph;
  label: string;
  selected: string | null;
  statsOf: (node: GraphNode) => Stats | null;
  onSelect: (id: string) => void;
}) {
  const { graph } = props;
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const busiest = Math.max(0, ...graph.nodes.map((node) => props.statsOf(node)?.perMinute ?? 0));
  const follow = (event: KeyboardEvent, id: string) => {
    const direction = DIRECTIONS[event.key as keyof typeof DIRECTIONS];
    if (!direction) return;
    event.preventDefault();
    const next = neighbour(graph, id, direction);
    if (next) document.getElementById(elementId(next))?.focus();
  };
  return (
    <div ref={props.frame} className={css.scroll} role="group" aria-label={props.label}>
      <div className={css.canvas} style={{ width: graph.width, height: graph.height }}>
        <svg className={css.edges} width={graph.width} height={graph.height} aria-hidden="true">
          <Arrowheads />
          {graph.edges.map((edge) => {
            const [from, to] = [byId.get(edge.from)!, byId.get(edge.to)!];
            const rate = props.statsOf(to)?.perMinute ?? 0;
            const width = 1.4 + (busiest > 0 ? (3 * rate) / busiest : 0);
            return (
              <path
                key={`${edge.from} ${edge.to}`}
                d={edgePath(from, to)}
                className={css.edge}
                data-style={edge.style}
                style={{ strokeWidth: width }}
                markerEnd={`url(#gateway-${edge.style})`}
              />
            );
          })}
        </svg>
        {graph.nodes.map((node) => (
          <button
            key={node.id}
            id={elementId(node.id)}
            type="button"
            className={css.node}
            data-kind={node.kind}
            aria-pressed={node.id === props.selected}
            style={{ left: node.x, top: node.y, width: node.width, height: NODE_HEIGHT }}
            onClick={() => props.onSelect(node.id)}
            onKeyDown={(event) => follow(event, node.id)}
          >
            <NodeFace node={node} stats={props.statsOf(node)} />
          </button>
        ))}
      </div>
    </div>
  );
}

const elementId = (id: string): string => `gateway-node-${id}`;

function Arrowheads() {
  return (
    <defs>
      {(["line", "fallback", "mirror"] as const).map((style) => (
        <marker
          key={style}
          id={`gateway-${style}`}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="9"
          markerHeight="9"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M1 1 7 4 1 7" className={css.head} data-style={style} />
        </marker>
      ))}
    </defs>
  );
}

function NodeFace({ node, stats }: { node: GraphNode; stats: Stats | null }) {
  const { g, fmt } = useGateway();
  const role = useRole(node);
  return (
    <>
      <span className={css.top}>
        <span className={css.role}>{role}</span>
        {node.share !== null && <span className={css.share}>{percent(node.share)}</span>}
        {stats?.breaker && <BreakerMark state={stats.breaker} quiet />}
      </span>
      <span className={cx(css.name, node.kind === "when" && node.label !== "" && css.code)} title={node.label}>
        {node.kind === "when" && node.label === "" ? g("graph.otherwise") : node.label}
      </span>
      {stats && (
        <span className={css.live}>
          <span>{g("unit.perMinute", { n: rateText(stats.perMinute) })}</span>
          {stats.p95Ms !== null && node.kind !== "arm" && <span title="p95">{fmt.duration(stats.p95Ms)}</span>}
          {stats.errorRate > 0 && (
            <span className={css.errors} title={g("stats.errorRate")}>
              ✕ {percent(stats.errorRate)}
            </span>
          )}
        </span>
      )}
    </>
  );
}

function useRole(node: GraphNode): string {
  const { g } = useGateway();
  if (node.kind === "fallback") return `${node.order}. ${g(`fallback.${node.fallback ?? "fallback"}`)}`;
  return g(`node.${node.kind}`);
}
