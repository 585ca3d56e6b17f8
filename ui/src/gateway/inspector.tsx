/** What is chosen in the graph: its live state, and the settings behind it. Every edit goes into the draft's YAML. */
import { useId } from "react";
import type { GatewayStatus } from "./api.ts";
import { BreakerMark } from "./breaker.tsx";
import type { DraftView } from "./draft.ts";
import css from "./inspector.module.css";
import { ArmPanel, ModelPanel, StepPanel } from "./inspector-route.tsx";
import { MirrorPanel, TargetPanel } from "./inspector-target.tsx";
import type { GraphNode } from "./layout.ts";
import { percent, rateText } from "./numbers.ts";
import type { Route } from "./routes-model.ts";
import { findTarget, type Stats, statsOfNode } from "./stats.ts";
import { useGateway } from "./text/index.ts";

export interface PanelProps {
  route: Route;
  node: GraphNode;
  draft: DraftView;
  providers: string[];
  mayChange: boolean;
  onSelect: (id: string) => void;
}

export function Inspector(props: PanelProps & { status: GatewayStatus | undefined }) {
  const { g } = useGateway();
  const { node, status } = props;
  const id = useId();
  const stats = statsOfNode(node, props.route.name, status);
  return (
    <section className={css.inspector} aria-labelledby={id}>
      <header className={css.head}>
        <span className={css.role}>{g(node.fallback ? `fallback.${node.fallback}` : `node.${node.kind}`)}</span>
        <h2 id={id}>{node.kind === "when" && node.label === "" ? g("graph.otherwise") : node.label}</h2>
      </header>
      <div className={css.body}>
        {stats && <Live stats={stats} />}
        {stats?.breaker && <p className={css.note}>{g("stats.allRoutes")}</p>}
        {status && (node.kind === "target" || node.kind === "fallback" || node.kind === "mirror") && (
          <KeyStates target={node.label} status={status} />
        )}
        <fieldset className={css.fields} disabled={!props.mayChange}>
          <legend className="visually-hidden">{g("inspector.settings")}</legend>
          <Panel {...props} />
        </fieldset>
        {!props.mayChange && <p className={css.note}>{g("inspector.readOnly")}</p>}
      </div>
    </section>
  );
}

function Panel(props: PanelProps) {
  switch (props.node.kind) {
    case "model":
      return <ModelPanel {...props} />;
    case "when":
      return <StepPanel {...props} />;
    case "arm":
      return <ArmPanel {...props} />;
    case "mirror":
      return <MirrorPanel {...props} />;
    default:
      return <TargetPanel {...props} />;
  }
}

function Live({ stats }: { stats: Stats }) {
  const { g, fmt } = useGateway();
  return (
    <dl className={css.stats}>
      <div>
        <dt>{g("stats.rate")}</dt>
        <dd>{g("unit.perMinute", { n: rateText(stats.perMinute) })}</dd>
      </div>
      <div>
        <dt>{g("stats.errorRate")}</dt>
        <dd data-bad={stats.errorRate > 0 || undefined}>{percent(stats.errorRate)}</dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>{fmt.duration(stats.p50Ms)}</dd>
      </div>
      <div>
        <dt>p95</dt>
        <dd>{fmt.duration(stats.p95Ms)}</dd>
      </div>
      {stats.breaker && (
        <>
          <div>
            <dt title={g("stats.averageText")}>{g("stats.average")}</dt>
            <dd>{fmt.duration(stats.averageMs)}</dd>
          </div>
          <div>
            <dt>{g("stats.inFlight")}</dt>
            <dd>{fmt.count(stats.inFlight)}</dd>
          </div>
        </>
      )}
    </dl>
  );
}

function KeyStates({ target, status }: { target: string; status: GatewayStatus }) {
  const { g, fmt } = useGateway();
  const known = findTarget(status, target);
  if (!known) return null;
  return (
    <div>
      <h3 className={css.small}>{g("breaker.perKey")}</h3>
      <ul className={css.keys}>
        {known.keys.map((key) => (
          <li key={key.name}>
            <code>{key.name || g("provider.noKey")}</code>
            <BreakerMark state={key.state} />
            {key.retry_after_s > 0 && (
              <span className={css.quiet}>
                {g("breaker.retryAfter", { time: fmt.duration(key.retry_after_s * 1000) })}
              </span>
            )}
          </li>
        ))}
      </ul>
      {known.input_usd_per_mtok !== null && (
        <p className={css.note}>
          {g("target.price", { input: known.input_usd_per_mtok, output: known.output_usd_per_mtok ?? "–" })}
        </p>
      )}
    </div>
  );
}
