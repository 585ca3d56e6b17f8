/** Each guard of a canary: what it said, its interval against what is tolerated, and on how many observations. */
import { Table } from "../ui/table.tsx";
import type { Canary, CanaryFinding, CanaryGuard } from "./canaries-api.ts";
import css from "./canary.module.css";
import { useGateway } from "./text/index.ts";

const SIGNS = { clear: "✓", harmed: "✕", inconclusive: "…" } as const;

export function GuardTable({ canary }: { canary: Canary }) {
  const { g, fmt } = useGateway();
  return (
    <Table
      label={g("canary.guards")}
      rows={canary.guards}
      rowKey={(guard) => guard.metric}
      columns={[
        { id: "guard", head: g("canary.guard"), cell: (guard) => <GuardName guard={guard} /> },
        {
          id: "finding",
          head: g("canary.finding"),
          cell: (guard) => <FindingMark finding={guard.finding?.finding ?? "inconclusive"} />,
        },
        { id: "worse", head: g("canary.worse"), cell: (guard) => <Interval guard={guard} /> },
        {
          id: "n",
          head: g("canary.observations"),
          align: "end",
          cell: (guard) =>
            guard.n < guard.min_n
              ? g("canary.ofMinimum", { n: fmt.count(guard.n), min: fmt.count(guard.min_n) })
              : fmt.count(guard.n),
        },
      ]}
    />
  );
}

function GuardName({ guard }: { guard: CanaryGuard }) {
  const { g } = useGateway();
  return (
    <>
      {g(`canaryMetric.${guard.metric}`)} {guard.name !== "" && <code>{guard.name}</code>}
    </>
  );
}

export function FindingMark({ finding }: { finding: CanaryFinding["finding"] }) {
  const { g } = useGateway();
  return (
    <span className={css.finding} data-finding={finding}>
      <span aria-hidden="true">{SIGNS[finding]}</span> {g(`canaryFinding.${finding}`)}
    </span>
  );
}

/** How much worse, as a reader of the metric says it: points of a rate, percent of a ratio, a plain difference. */
export function worseText(metric: CanaryGuard["metric"], value: number | null): string {
  if (value === null) return "∞";
  const unit = metric === "score" ? "" : metric === "error_rate" ? " pt" : " %";
  const shown = metric === "score" ? value.toFixed(3) : (100 * value).toFixed(1);
  return `${value > 0 ? "+" : ""}${shown.replace("-", "−")}${unit}`;
}

const WIDTH = 180;

/** The interval on an axis with what is tolerated; the text beside it says the same. */
function Interval({ guard }: { guard: CanaryGuard }) {
  const { g } = useGateway();
  const { finding, tolerance, metric } = guard;
  const tolerated = g("canary.tolerated", { value: worseText(metric, tolerance) });
  if (!finding || (finding.low === null && finding.high === null))
    return <span className={css.quiet}>{tolerated}</span>;
  const low = finding.low ?? tolerance * 3;
  const high = finding.high ?? Math.max(low, tolerance) * 1.5;
  const from = Math.min(low, -tolerance, 0);
  const to = Math.max(high, 2 * tolerance, from + 1e-9);
  const x = (value: number) => 2 + ((value - from) / (to - from)) * (WIDTH - 4);
  return (
    <span className={css.interval}>
      <svg width={WIDTH} height={16} viewBox={`0 0 ${WIDTH} 16`} aria-hidden="true" data-finding={finding.finding}>
        <rect className={css.over} x={x(tolerance)} y="0" width={Math.max(0, WIDTH - x(tolerance))} height="16" />
        <path className={css.axis} d={`M0 8H${WIDTH}M${x(0)} 3V13`} />
        <path className={css.limit} d={`M${x(tolerance)} 0V16`} />
        <path className={css.range} d={`M${x(low)} 8H${Math.max(x(high), x(low) + 2)}`} />
      </svg>
      <span>
        {g("canary.range", { low: worseText(metric, finding.low), high: worseText(metric, finding.high) })}
        <span className={css.quiet}> {tolerated}</span>
      </span>
    </span>
  );
}
