/**
 * What errors say in the reader's language.
 *
 * The server's problem+json carries a code and the values of its text; the text is here, by code. The server's own
 * English words stay as technical details, and speak alone where a code has no text (a newer server, say).
 */
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { ErrorCode } from "../api/error-codes.ts";
import type { Problem } from "../api/http.ts";
import { type Language, useLocale } from "./index.tsx";
import { fill } from "./message.ts";

/** What happened, and the way out. */
export type ErrorText = readonly [what: string, wayOut: string];
export type ErrorTexts = Record<ErrorCode, ErrorText>;

const LOADERS: Record<Language, () => Promise<ErrorTexts>> = {
  en: () => import("./errors.en.ts").then((m) => m.errorTexts),
  ja: () => import("./errors.ja.ts").then((m) => m.errorTexts),
};

/** Fetched ahead at start: an error may be that the server can't be reached any more. */
export const errorTextsQuery = (lang: Language) =>
  queryOptions({
    queryKey: ["error-texts", lang],
    queryFn: LOADERS[lang],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    retry: false,
    networkMode: "always",
  });

const BY_STATUS: Record<number, ErrorCode> = {
  400: "invalid_input",
  401: "unauthenticated",
  402: "quota_exceeded",
  403: "permission_denied",
  404: "not_found",
  405: "method_not_allowed",
  409: "conflict",
  413: "too_large",
  415: "unsupported_media_type",
  422: "invalid_input",
  429: "rate_limited",
  502: "upstream_error",
  503: "unavailable",
  504: "upstream_timeout",
};

export interface Said {
  what: string;
  wayOut: string;
  /** The server's own words, when the text above isn't made of them. */
  details: string;
}

export function sayProblem(problem: Problem, texts: ErrorTexts): Said {
  const own = texts[problem.code as ErrorCode] as ErrorText | undefined;
  const english = [problem.detail, problem.hint].filter(Boolean).join(" ");
  if (own) return { what: fill(own[0], problem.params), wayOut: fill(own[1], problem.params), details: english };
  const [what, wayOut] = texts[BY_STATUS[problem.status] ?? "internal_error"];
  return english ? { what, wayOut: english, details: "" } : { what, wayOut, details: "" };
}

/** Null for the moment in which the texts of this language load. */
export function useSaid(problem: Problem): Said | null {
  const { lang, t } = useLocale();
  const texts = useQuery(errorTextsQuery(lang));
  if (problem.code === "ui_error")
    return { what: t("error.ui_error"), wayOut: t("error.ui_error.hint"), details: problem.detail };
  if (problem.code === "unreachable")
    return { what: t("error.unreachable"), wayOut: t("error.unreachable.hint"), details: "" };
  if (texts.data) return sayProblem(problem, texts.data);
  if (texts.isPending) return null;
  return { what: problem.detail || t("error.unreachable"), wayOut: problem.hint, details: "" };
}
