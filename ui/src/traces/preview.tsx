/** The pane beside a list: the detail of the row in focus, loaded on demand. */
import { Link } from "@tanstack/react-router";
import { useLocale } from "../i18n/index.tsx";
import { SpanDetailPane } from "../trace/detail.tsx";
import { Icon } from "../ui/icon.tsx";
import { Empty } from "../ui/state.tsx";
import css from "./preview.module.css";

export function SpanPreview({ project, pick }: { project: string; pick: { traceId: string; spanId: string } }) {
  const { t } = useLocale();
  if (pick.traceId === "" || pick.spanId === "")
    return (
      <Empty icon="panel" title={t("preview.none")}>
        <p>{t("preview.noneText")}</p>
      </Empty>
    );
  return (
    <>
      <div className={css.bar}>
        <Link
          to="/p/$project/traces/$traceId"
          params={{ project, traceId: pick.traceId }}
          search={{ span: pick.spanId }}
          className={css.open}
        >
          {t("preview.open")} <Icon name="chevron" size={12} />
        </Link>
      </div>
      <SpanDetailPane project={project} traceId={pick.traceId} spanId={pick.spanId} />
    </>
  );
}
