/**
 * The words of the gateway's screens: a dictionary of their own, because only visitors of these screens need it.
 *
 * As in `i18n`: plain text with `{name}` places and `{n|one|other}` plurals; only the language in use is loaded.
 */
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { type Language, useLocale } from "../../i18n/index.tsx";
import { fill, type Values } from "../../i18n/message.ts";
import type { en } from "./en.ts";

export type GatewayKey = keyof typeof en;
export type GatewayMessages = Record<GatewayKey, string>;
export type Say = (key: GatewayKey, values?: Values) => string;

const LOADERS: Record<Language, () => Promise<GatewayMessages>> = {
  en: () => import("./en.ts").then((m) => m.en),
  ja: () => import("./ja.ts").then((m) => m.ja),
};

const wordsQuery = (lang: Language) =>
  queryOptions({
    queryKey: ["gateway-text", lang],
    queryFn: LOADERS[lang],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    networkMode: "always",
  });

/** As `useLocale`, with `g` for the words of these screens. Suspends until they are there. */
export function useGateway() {
  const locale = useLocale();
  const { data } = useSuspenseQuery(wordsQuery(locale.lang));
  const g: Say = (key, values) => fill(data[key] ?? key, values);
  return { ...locale, g };
}
