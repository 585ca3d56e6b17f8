/** The processes that take calls: since when each counts, and what it did. Shown when there are several. */
import { Badge } from "../ui/marks.tsx";
import { Table } from "../ui/table.tsx";
import type { GatewayStatus } from "./api.ts";
import css from "./gateway.module.css";
import { useGateway } from "./text/index.ts";

/** Who counted what a screen shows, and since when. */
export function CountedSince({ status }: { status: GatewayStatus }) {
  const { g, fmt } = useGateway();
  const n = status.processes.length;
  return (
    <span className={css.quiet}>
      {n > 1 ? g("providers.sinceAll", { n }) : g("providers.since", { time: fmt.ago(status.started_at) })}
    </span>
  );
}

export function ProcessTable({ status }: { status: GatewayStatus }) {
  const { g, fmt } = useGateway();
  if (status.processes.length < 2) return null;
  return (
    <section className={css.section}>
      <h2>{g("process.title")}</h2>
      <div className={css.table}>
        <Table
          label={g("process.title")}
          rows={status.processes}
          rowKey={(process) => process.name}
          columns={[
            {
              id: "name",
              head: g("process.name"),
              cell: (process) => (
                <>
                  <strong>{process.name}</strong> {process.answers && <Badge>{g("process.answers")}</Badge>}{" "}
                  {process.version !== status.version && <Badge tone="warn">{g("process.otherConfig")}</Badge>}
                </>
              ),
            },
            { id: "kind", head: g("process.kind"), cell: (process) => g(`process.${process.kind}`) },
            { id: "started", head: g("process.started"), cell: (process) => fmt.ago(process.started_at) },
            { id: "seen", head: g("process.seen"), cell: (process) => fmt.ago(process.seen_at) },
            {
              id: "flight",
              head: g("stats.inFlight"),
              align: "end",
              cell: (process) => fmt.count(process.in_flight),
            },
            {
              id: "calls",
              head: g("process.calls"),
              align: "end",
              cell: (process) => fmt.count(process.requests_since_start),
            },
          ]}
        />
      </div>
    </section>
  );
}
