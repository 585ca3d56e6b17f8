/** Providers: how each does, its keys by name, the breaker of every target and key, secrets, the last errors. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { CodeBlock } from "../ui/copy.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { type GatewayStatus, type ProviderStatus, statusQuery, type TargetStatus } from "./api.ts";
import { BreakerMark } from "./breaker.tsx";
import css from "./gateway.module.css";
import { LastErrors } from "./last-errors.tsx";
import { percent, rateText } from "./numbers.ts";
import { CountedSince, ProcessTable } from "./processes.tsx";
import { Secrets } from "./secrets.tsx";
import { statsOfTarget, statsOfTraffic, worstBreaker } from "./stats.ts";
import { useGateway } from "./text/index.ts";

const FIRST_PROVIDER = `providers:
  openai: {type: openai, keys: [{secret: openai-1}, {secret: openai-2, weight: 2}]}
  box: {type: openai_compatible, base_url: "http://10.0.0.7:8000/v1", allow_private: true}`;

export default function ProvidersScreen() {
  const { g } = useGateway();
  const { project } = useProject();
  const status = useQuery(statusQuery);
  const { data } = status;
  return (
    <>
      <PageHead title={g("providers.title")} lead={g("providers.lead")}>
        {data && <CountedSince status={data} />}
      </PageHead>
      <PageBody>
        {status.error && <ErrorPanel error={status.error} retry={() => void status.refetch()} />}
        {status.isPending && <Loading />}
        {data && (
          <>
            <ProviderTable status={data} />
            {data.providers.length < 2 && (
              <Empty icon="system" title={g("providers.onlyLocal")}>
                <p>{g("providers.onlyLocalText")}</p>
                <div className={css.code}>
                  <CodeBlock code={FIRST_PROVIDER} label={g("providers.example")} />
                </div>
                <Link to="/p/$project/gateway/config" params={{ project: project.id }}>
                  {g("routes.openEditor")}
                </Link>
              </Empty>
            )}
            <TargetTable status={data} />
            <ProcessTable status={data} />
          </>
        )}
        <Secrets />
        <LastErrors />
      </PageBody>
    </>
  );
}

function ProviderTable({ status }: { status: GatewayStatus }) {
  const { g, fmt } = useGateway();
  const stats = (provider: ProviderStatus) => statsOfTraffic(provider.traffic, status);
  const worst = (provider: ProviderStatus) =>
    worstBreaker(
      status.targets
        .filter((target) => target.provider === provider.name)
        .flatMap((target) => target.keys.map((key) => key.state)),
    );
  return (
    <div className={css.table}>
      <Table
        label={g("providers.title")}
        rows={status.providers}
        rowKey={(provider) => provider.name}
        columns={[
          {
            id: "name",
            head: g("scope.provider"),
            cell: (provider) => (
              <>
                <strong>{provider.name}</strong>{" "}
                {provider.name === status.default_provider && <Badge>{g("providers.default")}</Badge>}
              </>
            ),
          },
          { id: "type", head: g("providers.type"), cell: (provider) => provider.type },
          {
            id: "url",
            head: g("providers.url"),
            cell: (provider) =>
              provider.base_url ? (
                <code>{provider.base_url}</code>
              ) : (
                <span className={css.quiet}>{g("providers.here")}</span>
              ),
          },
          {
            id: "keys",
            head: g("providers.keys"),
            cell: (provider) =>
              provider.keys.length === 0 ? (
                <span className={css.quiet}>{g("provider.noKey")}</span>
              ) : (
                provider.keys.map((key) => (
                  <div key={key.name}>
                    <code>{key.name}</code>
                    {key.weight !== 1 && <span className={css.quiet}> ×{key.weight}</span>}
                  </div>
                ))
              ),
          },
          {
            id: "health",
            head: g("breaker.title"),
            cell: (provider) => {
              const state = worst(provider);
              return state ? <BreakerMark state={state} /> : <span className={css.quiet}>{g("providers.unused")}</span>;
            },
          },
          {
            id: "rate",
            head: g("stats.rate"),
            align: "end",
            cell: (provider) => g("unit.perMinute", { n: rateText(stats(provider).perMinute) }),
          },
          {
            id: "errors",
            head: g("stats.errorRate"),
            align: "end",
            cell: (provider) => <ErrorShare rate={stats(provider).errorRate} />,
          },
          { id: "p50", head: "p50", align: "end", cell: (provider) => fmt.duration(provider.traffic.p50_ms) },
          { id: "p95", head: "p95", align: "end", cell: (provider) => fmt.duration(provider.traffic.p95_ms) },
          { id: "flight", head: g("stats.inFlight"), align: "end", cell: (provider) => fmt.count(provider.in_flight) },
        ]}
      />
    </div>
  );
}

function ErrorShare({ rate }: { rate: number }) {
  return rate > 0 ? <span className={css.problem}>{percent(rate)}</span> : <>0 %</>;
}

function TargetTable({ status }: { status: GatewayStatus }) {
  const { g, fmt } = useGateway();
  const stats = (target: TargetStatus) => statsOfTarget(target, status);
  if (status.targets.length === 0) return null;
  return (
    <section className={css.section}>
      <h2>{g("targets.title")}</h2>
      <div className={css.table}>
        <Table
          label={g("targets.title")}
          rows={status.targets}
          rowKey={(target) => target.name}
          columns={[
            {
              id: "name",
              head: g("node.target"),
              cell: (target) => (
                <>
                  <strong>{target.name}</strong> {!target.configured && <Badge>{g("targets.byName")}</Badge>}
                </>
              ),
            },
            {
              id: "keys",
              head: g("breaker.perKey"),
              cell: (target) =>
                target.keys.map((key) => (
                  <div key={key.name} className={css.row}>
                    <BreakerMark state={key.state} />
                    <code>{key.name || g("provider.noKey")}</code>
                    {status.processes.length > 1 && key.processes.length > 0 && (
                      <span className={css.quiet}>{key.processes.map((process) => process.process).join(", ")}</span>
                    )}
                    {key.retry_after_s > 0 && (
                      <span className={css.quiet}>
                        {g("breaker.retryAfter", { time: fmt.duration(key.retry_after_s * 1000) })}
                      </span>
                    )}
                    {key.last_used_at && (
                      <span className={css.quiet}>{g("targets.used", { time: fmt.ago(key.last_used_at) })}</span>
                    )}
                  </div>
                )),
            },
            {
              id: "rate",
              head: g("stats.rate"),
              align: "end",
              cell: (target) => g("unit.perMinute", { n: rateText(stats(target).perMinute) }),
            },
            {
              id: "errors",
              head: g("stats.errorRate"),
              align: "end",
              cell: (target) => <ErrorShare rate={stats(target).errorRate} />,
            },
            {
              id: "average",
              head: <span title={g("stats.averageText")}>{g("stats.average")}</span>,
              align: "end",
              cell: (target) => fmt.duration(target.latency_ms),
            },
            { id: "p95", head: "p95", align: "end", cell: (target) => fmt.duration(target.traffic.p95_ms) },
            {
              id: "price",
              head: g("targets.price"),
              align: "end",
              cell: (target) =>
                target.input_usd_per_mtok === null ? (
                  <span className={css.quiet}>{g("targets.unpriced")}</span>
                ) : (
                  `$${target.input_usd_per_mtok} / $${target.output_usd_per_mtok ?? "–"}`
                ),
            },
          ]}
        />
      </div>
    </section>
  );
}
