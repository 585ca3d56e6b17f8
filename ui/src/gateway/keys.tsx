/** Keys: what each may do and spend, the project's budgets with their windows, and usage from day to day. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { keysQuery } from "../settings/api.ts";
import { IconButton } from "../ui/button.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import type { Column } from "../ui/table.tsx";
import { Alerts, BudgetList } from "./budgets.tsx";
import css from "./gateway.module.css";
import { budgetsQuery, type Policy, policiesQuery, type UsageDay, usageQuery } from "./limits-api.ts";
import { PolicyForm } from "./policy-form.tsx";
import { SpendBar } from "./spend-bar.tsx";
import { useGateway } from "./text/index.ts";
import { dayBefore, Usage } from "./usage.tsx";

const DAYS = 30;
const Rules = lazy(() => import("./rules.tsx").then((module) => ({ default: module.Rules })));

export default function GatewayKeysScreen() {
  const { g, t } = useGateway();
  const { project, can } = useProject();
  const since = dayBefore(new Date(), DAYS - 1);
  const keys = useInfiniteQuery(keysQuery(project.id));
  const policies = useQuery(policiesQuery(project.id));
  const usage = useQuery(usageQuery(project.id, since));
  const [editing, setEditing] = useState<ApiKey | null>(null);
  const manage = can("keys:manage");
  const known = keys.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHead title={g("keys.title")} lead={g("keys.lead")}>
        <Link to="/p/$project/settings/keys" params={{ project: project.id }}>
          {g("keys.manage")}
        </Link>
      </PageHead>
      <PageBody>
        {policies.error && <ErrorPanel error={policies.error} retry={() => void policies.refetch()} />}
        <div className={css.fit}>
          <PagedTable
            label={g("keys.title")}
            list={keys}
            rowKey={(key) => key.id}
            columns={useColumns(policies.data?.items ?? [], usage.data?.items ?? [], manage, setEditing)}
            empty={{
              icon: "key",
              title: g("keys.none"),
              text: g("keys.noneText"),
              action: (
                <Link to="/p/$project/settings/keys" params={{ project: project.id }} search={{ create: true }}>
                  {t("keys.create")}
                </Link>
              ),
            }}
          />
        </div>
        <BudgetList keys={known} manage={manage} />
        <Suspense fallback={<Loading />}>
          <Rules keys={known} manage={manage} />
        </Suspense>
        <Usage days={DAYS} keys={known} />
        <Alerts />
      </PageBody>
      {editing && <PolicyForm apiKey={editing} onClose={() => setEditing(null)} />}
    </>
  );
}

const most = 3;

function Names({ names }: { names: readonly string[] }) {
  const { g } = useGateway();
  if (names.includes("*")) return g("policy.all");
  if (names.length === 0) return <Badge tone="error">{g("policy.nothing")}</Badge>;
  return (
    <span title={names.join(", ")}>
      <code>{names.slice(0, most).join(", ")}</code>
      {names.length > most && ` +${names.length - most}`}
    </span>
  );
}

function useColumns(
  policies: Policy[],
  usage: UsageDay[],
  manage: boolean,
  edit: (key: ApiKey) => void,
): Column<ApiKey>[] {
  const { g, t, fmt } = useGateway();
  const { project } = useProject();
  const budgets = useInfiniteQuery(budgetsQuery(project.id));
  const own = new Map(policies.map((policy) => [policy.key_id, policy]));
  const all = budgets.data?.pages.flatMap((page) => page.items) ?? [];
  const sum = (key: string, field: "requests" | "refused") =>
    usage.reduce((total, day) => total + (day.key_id === key ? day[field] : 0), 0);
  const cost = (key: string) =>
    usage.reduce((total, day) => total + (day.key_id === key ? Number(day.cost_usd) : 0), 0);
  return [
    { id: "name", head: t("field.name"), cell: (key) => <strong>{key.name}</strong> },
    { id: "public", head: t("keys.public"), cell: (key) => <code>{key.public_key}</code> },
    {
      id: "models",
      head: g("policy.models"),
      cell: (key) => {
        const policy = own.get(key.id);
        return policy ? (
          <>
            <Names names={policy.models} /> {policy.shadow && <Badge tone="warn">{g("policy.shadow")}</Badge>}
          </>
        ) : (
          <span className={css.quiet}>{g("policy.defaults")}</span>
        );
      },
    },
    {
      id: "rates",
      head: g("policy.rates"),
      cell: (key) => {
        const policy = own.get(key.id);
        const rates = [
          policy?.rpm != null && g("unit.rpm", { n: fmt.compact(policy.rpm) }),
          policy?.tpm != null && g("unit.tpm", { n: fmt.compact(policy.tpm) }),
          policy?.max_concurrency != null && g("unit.concurrent", { n: fmt.count(policy.max_concurrency) }),
        ].filter(Boolean);
        return rates.length > 0 ? rates.join(" · ") : <span className={css.quiet}>–</span>;
      },
    },
    {
      id: "budget",
      head: g("budget.title"),
      width: "240px",
      cell: (key) => {
        const mine = all.filter(
          (budget) => (budget.scope === "key" && budget.subject === key.id) || budget.key_id === key.id,
        );
        return mine.length === 0 ? (
          <span className={css.quiet}>–</span>
        ) : (
          <div className={css.stackTight}>
            {mine.map((budget) => (
              <SpendBar key={budget.id} budget={budget} />
            ))}
          </div>
        );
      },
    },
    { id: "requests", head: g("usage.requests"), align: "end", cell: (key) => fmt.compact(sum(key.id, "requests")) },
    {
      id: "refused",
      head: g("usage.refused"),
      align: "end",
      cell: (key) => {
        const refused = sum(key.id, "refused");
        return refused > 0 ? <span className={css.problem}>{fmt.compact(refused)}</span> : "0";
      },
    },
    { id: "cost", head: g("usage.cost"), align: "end", cell: (key) => fmt.cost(cost(key.id)) },
    {
      id: "act",
      head: <span className="visually-hidden">{t("ui.actions")}</span>,
      align: "end",
      cell: (key) =>
        manage && <IconButton icon="edit" label={g("policy.edit", { name: key.name })} onClick={() => edit(key)} />,
    },
  ];
}
