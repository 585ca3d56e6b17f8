/** Theme and language: two choices that live in the browser, not in the account. */
import { useEffect, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";

export type Theme = "system" | "light" | "dark";
const THEMES: Theme[] = ["system", "light", "dark"];
const THEME_EVENT = "kaname:theme";

export const storedTheme = (): Theme => {
  const stored = localStorage.getItem("kaname.theme");
  return stored === "light" || stored === "dark" ? stored : "system";
};

export function applyTheme(theme: Theme): void {
  localStorage.setItem("kaname.theme", theme);
  const dark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  window.dispatchEvent(new Event(THEME_EVENT));
}

/** Follows the system while the choice is "system". */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(storedTheme);
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => {
      if (storedTheme() === "system") applyTheme("system");
    };
    const sync = () => setTheme(storedTheme());
    media.addEventListener("change", follow);
    window.addEventListener(THEME_EVENT, sync);
    return () => {
      media.removeEventListener("change", follow);
      window.removeEventListener(THEME_EVENT, sync);
    };
  }, []);
  return [theme, applyTheme];
}

export function ThemeSwitch({ triggerClass }: { triggerClass?: string | undefined }) {
  const { t } = useLocale();
  const [theme, setTheme] = useTheme();
  const icons = { system: "screen", light: "sun", dark: "moon" } as const;
  return (
    <Menu
      label={t("shell.theme")}
      triggerClass={triggerClass}
      iconOnly
      trigger={<Icon name={icons[theme]} />}
      items={THEMES.map((value) => ({
        label: t(`theme.${value}`),
        checked: value === theme,
        run: () => setTheme(value),
      }))}
    />
  );
}

export function LanguageSwitch({ triggerClass }: { triggerClass?: string | undefined }) {
  const { t, lang, setLanguage } = useLocale();
  return (
    <Menu
      label={t("shell.language")}
      triggerClass={triggerClass}
      iconOnly
      trigger={<Icon name="language" />}
      items={[
        { label: <span lang="en">English</span>, checked: lang === "en", run: () => setLanguage("en") },
        { label: <span lang="ja">日本語</span>, checked: lang === "ja", run: () => setLanguage("ja") },
      ]}
    />
  );
}
