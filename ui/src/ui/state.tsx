/** What a screen shows when it has nothing, is waiting, or failed. */
import type { ReactNode } from "react";
import { ApiError, type Problem } from "../api/http.ts";
import { useSaid } from "../i18n/errors.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy.tsx";
import { Icon, type IconName } from "./icon.tsx";
import css from "./state.module.css";

/** `page`: it is the whole page, and its title the page's heading. */
export function Empty(props: { icon?: IconName; title: string; page?: boolean; children?: ReactNode }) {
  const Frame = props.page ? "main" : "div";
  const Heading = props.page ? "h1" : "h2";
  return (
    <Frame className={css.empty}>
      {props.icon && <Icon name={props.icon} size={28} />}
      <Heading>{props.title}</Heading>
      {props.children && <div className={css.text}>{props.children}</div>}
    </Frame>
  );
}

export function Loading({ label }: { label?: string }) {
  const { t } = useLocale();
  return (
    <div className={css.loading} role="status">
      <span className={css.bar} />
      <span>{label ?? t("ui.loading")}</span>
    </div>
  );
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { status: 0, code: "ui_error", title: "", detail, hint: "", request_id: "" };
}

/** `page`: it stands in a screen's place, and says the page's heading. What failed, why, the way out, and what to hand to whoever can help: code, request id, the server's own words. */
export function ErrorPanel({ error, retry, page }: { error: unknown; retry?: () => void; page?: boolean }) {
  const { t } = useLocale();
  const problem = problemOf(error);
  const said = useSaid(problem);
  const Heading = page ? "h1" : "strong";
  // A moment at most; an alert is read out once, so it comes whole.
  if (said === null) return null;
  return (
    <div className={css.error} role="alert">
      <Icon name="warning" size={18} />
      <div className={css.errorBody}>
        <Heading>{said.what}</Heading>
        {said.wayOut && <p className={css.way}>{said.wayOut}</p>}
        <div className={css.meta}>
          <code>{problem.code}</code>
          {problem.request_id && (
            <span className={css.request}>
              {t("ui.requestId")} <code>{problem.request_id}</code>
              <CopyButton text={problem.request_id} label={t("ui.copyRequestId")} />
            </span>
          )}
          {retry && <Button onClick={retry}>{t("ui.retry")}</Button>}
        </div>
        {said.details && (
          <details className={css.details}>
            <summary>{t("ui.details")}</summary>
            <div className={css.report}>
              <p lang="en">{said.details}</p>
              <CopyButton text={reportOf(problem, said.details)} label={t("ui.copyDetails")} />
            </div>
          </details>
        )}
      </div>
    </div>
  );
}

const reportOf = (problem: Problem, details: string): string =>
  [`${problem.status || ""} ${problem.code}`.trim(), details, problem.request_id && `request ${problem.request_id}`]
    .filter(Boolean)
    .join("\n");

/** The same in one line, for a toast. */
export function ErrorLine({ error }: { error: unknown }) {
  const said = useSaid(problemOf(error));
  return said && <>{[said.what, said.wayOut].filter(Boolean).join(" ")}</>;
}
