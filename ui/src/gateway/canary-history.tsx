/** What happened to a canary, newest first: its own decisions with what the guards said, and people's. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Button } from "../ui/button.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { type Canary, type CanaryChange, canaryChangesQuery } from "./canaries-api.ts";
import css from "./canary.module.css";
import { FindingMark, worseText } from "./canary-guards.tsx";
import { percent } from "./numbers.ts";
import { useGateway } from "./text/index.ts";

export function CanaryHistory({ canary }: { canary: Canary }) {
  const { g, t } = useGateway();
  const changes = useInfiniteQuery(canaryChangesQuery(canary.id, `${canary.since} ${canary.phase}`));
  const rows = changes.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <details className={css.history} open={canary.phase !== "running" || undefined}>
      <summary>{g("canary.history")}</summary>
      {changes.error && <ErrorPanel error={changes.error} retry={() => void changes.refetch()} />}
      <ol>
        {rows.map((change) => (
          <Change key={change.id} change={change} />
        ))}
      </ol>
      {changes.hasNextPage && (
        <Button busy={changes.isFetchingNextPage} onClick={() => void changes.fetchNextPage()}>
          {t("paged.more")}
        </Button>
      )}
    </details>
  );
}

function Change({ change }: { change: CanaryChange }) {
  const { g, fmt } = useGateway();
  const byGuards = change.actor_id === "system";
  return (
    <li>
      <time dateTime={change.at} title={fmt.dateTime(change.at)}>
        {fmt.ago(change.at)}
      </time>
      <span className={css.act} data-action={change.action}>
        {g(`canaryAction.${change.action}`)} → {percent(change.share)}
      </span>
      <span className={css.quiet}>{byGuards ? g("canary.byGuards") : change.actor_name}</span>
      {change.message !== "" && <span>{change.message}</span>}
      {change.findings.map((found) => (
        <span key={found.metric} className={css.found}>
          {g(`canaryMetric.${found.metric}`)} <FindingMark finding={found.finding} />{" "}
          {(found.low !== null || found.high !== null) && (
            <span className={css.quiet}>
              {g("canary.range", {
                low: worseText(found.metric, found.low),
                high: worseText(found.metric, found.high),
              })}{" "}
              (n = {fmt.count(found.n)})
            </span>
          )}
        </span>
      ))}
    </li>
  );
}
