/** The project's budgets with what was spent in their windows, and the alerts that were reached. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { Badge } from "../ui/marks.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { BudgetForm } from "./budget-form.tsx";
import css from "./budgets.module.css";
import gateway from "./gateway.module.css";
import { alertsQuery, type Budget, budgetsQuery, removeBudget } from "./limits-api.ts";
import { SpendBar } from "./spend-bar.tsx";
import { useGateway } from "./text/index.ts";

/** Whose money it is, in words. */
function useSubject(keys: ApiKey[]): (budget: Pick<Budget, "scope" | "subject" | "key_id">) => string {
  const { g } = useGateway();
  const nameOf = (id: string) => keys.find((key) => key.id === id)?.name ?? id;
  return (budget) => {
    if (budget.scope === "key") return g("budget.ofKey", { name: nameOf(budget.subject) });
    if (budget.scope === "user")
      return budget.subject === "*each" ? g("budget.ofEachUser") : g("budget.ofUser", { name: budget.subject });
    if (budget.scope === "provider")
      return budget.key_id
        ? g("budget.ofProviderAndKey", { name: budget.subject, key: nameOf(budget.key_id) })
        : g("budget.ofProvider", { name: budget.subject });
    return g(budget.scope === "project" ? "budget.ofProject" : "budget.ofOrganization");
  };
}

export function BudgetList({ keys, manage }: { keys: ApiKey[]; manage: boolean }) {
  const { g, t, fmt } = useGateway();
  const { project } = useProject();
  const budgets = useInfiniteQuery(budgetsQuery(project.id));
  const [editing, setEditing] = useState<Budget | "new" | null>(null);
  const [removing, setRemoving] = useState<Budget | null>(null);
  const subject = useSubject(keys);
  const rows = budgets.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className={gateway.section} aria-labelledby="gateway-budgets">
      <div className={gateway.sectionHead}>
        <h2 id="gateway-budgets">{g("budget.list")}</h2>
        {manage && (
          <Button icon="plus" onClick={() => setEditing("new")}>
            {g("budget.add")}
          </Button>
        )}
      </div>
      {budgets.error && <ErrorPanel error={budgets.error} retry={() => void budgets.refetch()} />}
      {budgets.isPending && <Loading />}
      {budgets.data && rows.length === 0 && <p>{g("budget.none")}</p>}
      {rows.length > 0 && (
        <ul className={css.list}>
          {rows.map((budget) => (
            <li key={budget.id} className={css.item}>
              <div className={css.head}>
                <strong>{subject(budget)}</strong>
                <span className={css.quiet}>
                  {g("budget.per", { amount: fmt.cost(budget.amount_usd), period: periodText(budget, g) })}
                </span>
                <Badge>{g(`exceed.${budget.on_exceed}`)}</Badge>
                {budget.downgrade_to && <code>{budget.downgrade_to}</code>}
                {budget.shadow && <Badge tone="warn">{g("policy.shadow")}</Badge>}
                {budget.extra_until && (
                  <Badge tone="accent">
                    {g("budget.extra", { amount: fmt.cost(budget.extra_usd), time: fmt.dateTime(budget.extra_until) })}
                  </Badge>
                )}
                {manage && (
                  <span className={css.acts}>
                    <IconButton
                      icon="edit"
                      label={g("budget.edit", { name: subject(budget) })}
                      onClick={() => setEditing(budget)}
                    />
                    <IconButton
                      icon="trash"
                      label={g("budget.remove", { name: subject(budget) })}
                      onClick={() => setRemoving(budget)}
                    />
                  </span>
                )}
              </div>
              <SpendBar budget={budget} wide />
            </li>
          ))}
        </ul>
      )}
      {budgets.hasNextPage && (
        <div>
          <Button busy={budgets.isFetchingNextPage} onClick={() => void budgets.fetchNextPage()}>
            {t("paged.more")}
          </Button>
        </div>
      )}
      {editing && (
        <BudgetForm budget={editing === "new" ? null : editing} keys={keys} onClose={() => setEditing(null)} />
      )}
      {removing && <RemoveBudget budget={removing} name={subject(removing)} onClose={() => setRemoving(null)} />}
    </section>
  );
}

const UNITS = ["m", "h", "d", "w", "M", "Q", "Y"] as const;

/** `1M` in words: rolling, or by the calendar of a zone. */
export function periodText(budget: Pick<Budget, "period" | "calendar">, g: ReturnType<typeof useGateway>["g"]): string {
  const unit = UNITS.find((candidate) => candidate === budget.period.at(-1)) ?? "M";
  const n = Number.parseInt(budget.period, 10);
  const period = n === 1 ? g(`period.${unit}`) : g(`periods.${unit}`, { n });
  return budget.calendar ? g("period.calendar", { period }) : period;
}

function RemoveBudget({ budget, name, onClose }: { budget: Budget; name: string; onClose: () => void }) {
  const { g } = useGateway();
  const { project } = useProject();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => removeBudget(project.id, budget.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: budgetsQuery(project.id).queryKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={g("budget.remove", { name })}
      action={g("budget.removeAction")}
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p>{g("budget.removeText")}</p>
      {remove.error && <ErrorPanel error={remove.error} />}
    </ConfirmDialog>
  );
}

export function Alerts() {
  const { g, fmt } = useGateway();
  const { project } = useProject();
  const alerts = useQuery(alertsQuery(project.id));
  if (alerts.error) return <ErrorPanel error={alerts.error} retry={() => void alerts.refetch()} />;
  if (!alerts.data || alerts.data.items.length === 0) return null;
  return (
    <section className={gateway.section} aria-labelledby="gateway-alerts">
      <h2 id="gateway-alerts">{g("alerts.title")}</h2>
      <ul className={css.list}>
        {alerts.data.items.map((alert) => (
          <li key={alert.id} className={css.alert}>
            <time dateTime={alert.created_at}>{fmt.dateTime(alert.created_at)}</time>
            <span>
              {g("alerts.reached", {
                n: alert.threshold,
                spent: fmt.cost(alert.spent_usd),
                limit: fmt.cost(alert.limit_usd),
              })}
            </span>
            <code>{alert.subject}</code>
            {alert.shadow && <Badge tone="warn">{g("policy.shadow")}</Badge>}
          </li>
        ))}
      </ul>
    </section>
  );
}
