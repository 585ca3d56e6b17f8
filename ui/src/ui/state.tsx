/** What a screen shows when it has nothing, is waiting, or failed. */
import type { ReactNode } from "react";
import { ApiError, type Problem } from "../api/http.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
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

const BY_STATUS: Record<number, MessageKey> = {
  400: "error.invalid_input",
  401: "error.unauthenticated",
  402: "error.quota_exceeded",
  403: "error.permission_denied",
  404: "error.not_found",
  409: "error.conflict",
  413: "error.too_large",
  415: "error.unsupported_media_type",
  422: "error.invalid_input",
  429: "error.rate_limited",
  502: "error.upstream_error",
  503: "error.unavailable",
  504: "error.upstream_timeout",
};

/** Title and way out by code, else by status, in the reader's language; the server's own words say the particulars. */
export function useProblemText(problem: Problem): { title: string; wayOut: string } {
  const { t } = useLocale();
  const key = `error.${problem.code}` as MessageKey;
  const hintKey = `error.${problem.code}.hint` as MessageKey;
  const title = t(key);
  const hint = t(hintKey);
  return {
    title: title !== key ? title : t(BY_STATUS[problem.status] ?? "error.internal_error"),
    wayOut: problem.hint || (hint !== hintKey ? hint : ""),
  };
}

export function ErrorPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useLocale();
  const problem = problemOf(error);
  const { title, wayOut } = useProblemText(problem);
  return (
    <div className={css.error} role="alert">
      <Icon name="warning" size={18} />
      <div className={css.errorBody}>
        <strong>{title}</strong>
        {problem.detail && <p>{problem.detail}</p>}
        {wayOut && <p className={css.way}>{wayOut}</p>}
        <p className={css.meta}>
          <code>{problem.code}</code>
          {problem.request_id && (
            <>
              <span>{t("ui.requestId")}</span> <code>{problem.request_id}</code>
              <CopyButton text={problem.request_id} label={t("ui.copyRequestId")} />
            </>
          )}
          {retry && <Button onClick={retry}>{t("ui.retry")}</Button>}
        </p>
      </div>
    </div>
  );
}
