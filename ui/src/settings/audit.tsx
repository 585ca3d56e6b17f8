/** The audit log: who changed what, when; filters, and a check that nothing was altered. */
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { SearchBox } from "../traces/filter-bar.tsx";
import { Button } from "../ui/button.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { auditQuery, verifyAudit } from "./api.ts";
import css from "./settings.module.css";

export default function AuditScreen() {
  const { t, fmt } = useLocale();
  const { organization } = useProject();
  const navigate = useNavigate();
  const filter = useSearch({ strict: false }) as { action?: string; actor?: string };
  const list = useInfiniteQuery(auditQuery(organization.id, filter));
  const verify = useMutation({ mutationFn: () => verifyAudit(organization.id) });
  const set = (part: { action?: string; actor?: string }) =>
    void navigate({ to: ".", search: ((old: object) => ({ ...old, ...part })) as never, replace: true });
  return (
    <>
      <PageHead title={t("nav.audit")} lead={t("audit.lead")}>
        {verify.data && (
          <span role="status">
            <Badge tone={verify.data.intact ? "ok" : "error"}>
              {verify.data.intact
                ? t("audit.intact", { n: verify.data.entries })
                : t("audit.broken", { seq: verify.data.bad_seq ?? 0, reason: verify.data.reason })}
            </Badge>
          </span>
        )}
        <Button busy={verify.isPending} onClick={() => verify.mutate()}>
          {t("audit.verify")}
        </Button>
      </PageHead>
      {verify.error && <ErrorPanel error={verify.error} />}
      <div className={css.section}>
        <div className={css.bar}>
          <SearchBox value={filter.action ?? ""} label={t("audit.action")} onChange={(action) => set({ action })} />
          <SearchBox value={filter.actor ?? ""} label={t("audit.actor")} onChange={(actor) => set({ actor })} />
        </div>
      </div>
      <PagedTable
        label={t("nav.audit")}
        list={list}
        rowKey={(entry) => String(entry.seq)}
        empty={{ icon: "audit", title: t("audit.none"), text: t("audit.noneText") }}
        columns={[
          { id: "seq", head: "#", align: "end", cell: (entry) => entry.seq },
          { id: "time", head: t("col.time"), cell: (entry) => fmt.dateTime(entry.time) },
          {
            id: "actor",
            head: t("audit.who"),
            cell: (entry) => (
              <>
                {entry.actor_name || entry.actor_id} <span className={css.quiet}>{entry.actor_kind}</span>
              </>
            ),
          },
          { id: "action", head: t("audit.what"), cell: (entry) => <code>{entry.action}</code> },
          { id: "target", head: t("scores.target"), cell: (entry) => <code>{entry.target}</code> },
          {
            id: "details",
            head: t("audit.details"),
            cell: (entry) => (
              <div className={css.details}>
                {Object.keys(entry.details).length > 0 && <JsonTree value={entry.details} open={0} />}
              </div>
            ),
          },
        ]}
      />
    </>
  );
}
