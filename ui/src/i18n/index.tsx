/**
 * Language: typed messages, plurals and local formats.
 *
 * A message is plain text with `{name}` places and `{n|one|other}` plurals. Only the dictionary in use is loaded.
 */
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import type { en } from "./en.ts";
import { createFormats, type Formats } from "./formats.ts";
import { fill, type Values } from "./message.ts";

export type MessageKey = keyof typeof en;
export type Messages = Record<MessageKey, string>;
export type Language = "en" | "ja";
export type Translate = (key: MessageKey, values?: Values) => string;

interface Localisation {
  lang: Language;
  t: Translate;
  fmt: Formats;
  setLanguage: (lang: Language) => void;
}

const Context = createContext<Localisation | null>(null);

const LOADERS: Record<Language, () => Promise<Messages>> = {
  en: () => import("./en.ts").then((m) => m.en),
  ja: () => import("./ja.ts").then((m) => m.ja),
};

export const loadMessages = (lang: Language): Promise<Messages> => LOADERS[lang]();

export const preferredLanguage = (): Language => (document.documentElement.lang === "ja" ? "ja" : "en");

export function LocaleProvider(props: { lang: Language; messages: Messages; children: ReactNode }) {
  const [state, setState] = useState({ lang: props.lang, messages: props.messages });
  const setLanguage = useCallback(async (lang: Language) => {
    const messages = await loadMessages(lang);
    document.documentElement.lang = lang;
    localStorage.setItem("kaname.lang", lang);
    setState({ lang, messages });
  }, []);
  const value = useMemo<Localisation>(
    () => ({
      lang: state.lang,
      t: (key, values) => fill(state.messages[key] ?? key, values),
      fmt: createFormats(state.lang),
      setLanguage,
    }),
    [state, setLanguage],
  );
  return <Context value={value}>{props.children}</Context>;
}

export function useLocale(): Localisation {
  const value = useContext(Context);
  if (value === null) throw new Error("useLocale needs a LocaleProvider above it");
  return value;
}
