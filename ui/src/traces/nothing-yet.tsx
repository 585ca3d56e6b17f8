/** The empty table: nothing matches, or nothing has arrived yet and here is how to send the first span. */
import { Link } from "@tanstack/react-router";
import { useProjectId } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { DemoData } from "../onboarding/demo-data.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/state.tsx";

export function NothingYet(props: { narrowed: boolean; range: string | undefined; onWiden: () => void }) {
  const { t } = useLocale();
  const project = useProjectId();
  if (props.narrowed || props.range !== "all")
    return (
      <Empty icon="search" title={t("traces.noMatch")}>
        <p>{t(props.narrowed ? "traces.noMatchText" : "traces.noneInRange")}</p>
        <Button onClick={props.onWiden}>{t("traces.widen")}</Button>
        <Link to="/p/$project/start" params={{ project }}>
          {t("traces.sendFirst")}
        </Link>
        {!props.narrowed && <DemoData />}
      </Empty>
    );
  return (
    <Empty icon="start" title={t("traces.none")}>
      <p>{t("traces.noneText")}</p>
      <Link to="/p/$project/start" params={{ project }}>
        {t("traces.sendFirst")}
      </Link>
      <DemoData />
    </Empty>
  );
}
