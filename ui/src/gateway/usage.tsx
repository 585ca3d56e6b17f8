/** What the project's keys used from day to day: bars by hand, and the same as a table for whoever wants numbers. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { Segmented } from "../ui/field.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import gateway from "./gateway.module.css";
import { type UsageDay, usageQuery } from "./limits-api.ts";
import { useGateway } from "./text/index.ts";
import css from "./usage.module.css";

const METRICS = ["cost", "requests", "tokens", "refused"] as const;
type Metric = (typeof METRICS)[number];

/** The UTC day so many days before, as the API writes it. */
export const dayBefore = (now: Date, days: number): string =>
  new Date(now.getTime() - days * 86_400_000).toISOString().slice(0, 10);

const amountOf = (day: UsageDay, metric: Metric): number => (metric === "cost" ? Number(day.cost_usd) : day[metric]);

export function Usage({ days, keys }: { days: number; keys: ApiKey[] }) {
  const { g, fmt } = useGateway();
  const { project } = useProject();
  const [metric, setMetric] = useState<Metric>("cost");
  const usage = useQuery(usageQuery(project.id, dayBefore(new Date(), days - 1)));
  const rows = usage.data?.items ?? [];
  const show = (value: number) => (metric === "cost" ? fmt.cost(value) : fmt.compact(value));
  const perDay = Array.from({ length: days }, (_, at) => {
    const day = dayBefore(new Date(), days - 1 - at);
    return { day, value: rows.reduce((sum, row) => sum + (row.day === day ? amountOf(row, metric) : 0), 0) };
  });
  const used = rows.length > 0;
  return (
    <section className={gateway.section} aria-labelledby="gateway-usage">
      <div className={gateway.sectionHead}>
        <h2 id="gateway-usage">{g("usage.title", { n: days })}</h2>
        <Segmented
          label={g("usage.metric")}
          value={metric}
          options={METRICS.map((value) => ({ value, label: g(`usage.${value}`) }))}
          onChange={setMetric}
        />
      </div>
      {usage.error && <ErrorPanel error={usage.error} retry={() => void usage.refetch()} />}
      {usage.isPending && <Loading />}
      {usage.data && !used && <p>{g("usage.none")}</p>}
      {used && (
        <>
          <Bars perDay={perDay} show={show} />
          {usage.data?.truncated && <p className={gateway.quiet}>{g("usage.truncated")}</p>}
          <details className={css.details}>
            <summary>{g("usage.byKey")}</summary>
            <Table
              label={g("usage.byKey")}
              rows={byKey(rows)}
              rowKey={(row) => row.key}
              columns={[
                {
                  id: "key",
                  head: g("scope.key"),
                  cell: (row) => keys.find((key) => key.id === row.key)?.name ?? <code>{row.key}</code>,
                },
                { id: "requests", head: g("usage.requests"), align: "end", cell: (row) => fmt.count(row.requests) },
                { id: "refused", head: g("usage.refused"), align: "end", cell: (row) => fmt.count(row.refused) },
                { id: "tokens", head: g("usage.tokens"), align: "end", cell: (row) => fmt.count(row.tokens) },
                { id: "cost", head: g("usage.cost"), align: "end", cell: (row) => fmt.cost(row.cost) },
                { id: "unpriced", head: g("usage.unpriced"), align: "end", cell: (row) => fmt.count(row.unpriced) },
              ]}
            />
          </details>
        </>
      )}
    </section>
  );
}

function byKey(rows: UsageDay[]) {
  const sums = new Map<
    string,
    { key: string; requests: number; refused: number; tokens: number; cost: number; unpriced: number }
  >();
  for (const row of rows) {
    const sum = sums.get(row.key_id) ?? { key: row.key_id, requests: 0, refused: 0, tokens: 0, cost: 0, unpriced: 0 };
    sum.requests += row.requests;
    sum.refused += row.refused;
    sum.tokens += row.tokens;
    sum.cost += Number(row.cost_usd);
    sum.unpriced += row.unpriced;
    sums.set(row.key_id, sum);
  }
  return [...sums.values()].sort((a, b) => b.cost - a.cost || b.requests - a.requests);
}

const HEIGHT = 96;

function Bars({ perDay, show }: { perDay: { day: string; value: number }[]; show: (value: number) => string }) {
  const { g } = useGateway();
  const most = Math.max(...perDay.map((day) => day.value), Number.MIN_VALUE);
  const total = perDay.reduce((sum, day) => sum + day.value, 0);
  return (
    <div>
      <p className={css.total}>
        <strong>{show(total)}</strong> {g("usage.most", { value: show(most === Number.MIN_VALUE ? 0 : most) })}
      </p>
      <div className={css.bars} role="img" aria-label={g("usage.chart", { total: show(total), n: perDay.length })}>
        {perDay.map(({ day, value }) => (
          <span key={day} className={css.slot} title={`${day}: ${show(value)}`}>
            <span style={{ height: value > 0 ? Math.max(2, (HEIGHT * value) / most) : 0 }} />
          </span>
        ))}
      </div>
      <div className={css.axis} aria-hidden="true">
        <span>{perDay[0]?.day}</span>
        <span>{perDay.at(-1)?.day} UTC</span>
      </div>
    </div>
  );
}
