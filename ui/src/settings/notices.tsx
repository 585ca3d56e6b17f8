/** Ingest notices: what arrived and was refused or changed, and why. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { noticesQuery } from "./api.ts";
import css from "./settings.module.css";

export default function NoticesScreen() {
  const { t, fmt } = useLocale();
  const { project } = useProject();
  const list = useInfiniteQuery(noticesQuery(project.id));
  return (
    <>
      <PageHead title={t("nav.notices")} lead={t("notices.lead")} />
      <PagedTable
        label={t("nav.notices")}
        list={list}
        rowKey={(notice) => notice.id}
        empty={{ icon: "check", title: t("notices.none"), text: t("notices.noneText") }}
        columns={[
          { id: "time", head: t("col.time"), cell: (notice) => fmt.dateTime(notice.time) },
          { id: "kind", head: t("notices.kind"), cell: (notice) => <code>{notice.kind}</code> },
          { id: "count", head: t("notices.count"), align: "end", cell: (notice) => fmt.count(notice.count) },
          { id: "message", head: t("notices.message"), cell: (notice) => notice.message },
          {
            id: "details",
            head: t("audit.details"),
            cell: (notice) => (
              <div className={css.details}>
                {Object.keys(notice.details).length > 0 && <JsonTree value={notice.details} open={0} />}
              </div>
            ),
          },
        ]}
      />
    </>
  );
}
