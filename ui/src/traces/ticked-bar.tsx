/** How many rows are ticked, and what can be done with them. */
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import css from "./screen.module.css";
import type { Ticks } from "./use-ticks.ts";

export function TickedBar({ ticks }: { ticks: Ticks }) {
  const { t } = useLocale();
  return (
    <span className={css.ticked} role="status">
      {t("compare.ticked", { n: ticks.ticked.size })}
      <Button icon="compare" disabled={ticks.ticked.size < 2} onClick={ticks.compare}>
        {t("compare.action")}
      </Button>
      <Button variant="ghost" onClick={ticks.clear}>
        {t("compare.clear")}
      </Button>
    </span>
  );
}
