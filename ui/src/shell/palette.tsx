/** ⌘K: pages, projects, actions, a trace by its id, a search. A combobox over one list. */
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { type Permission, useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { GATEWAY_PAGES, OBSERVE_PAGES, offered, SETTINGS_PAGES, START_PAGE } from "./pages.ts";
import css from "./palette.module.css";
import { applyTheme } from "./preferences.tsx";
import { rank } from "./rank.ts";

interface Command {
  id: string;
  label: string;
  group: string;
  icon: IconName;
  run: () => void;
}

const TRACE_ID = /^[0-9a-f]{32}$/i;
const SPAN_ID = /^[0-9a-f]{16}$/i;

function useCommands(query: string): Command[] {
  const { t, lang, setLanguage } = useLocale();
  const { me, project } = useProject();
  const navigate = useNavigate();
  return useMemo(() => {
    const params = { project: project.id };
    const can = (permission: Permission) => project.permissions.includes(permission);
    const fixed: Command[] = [
      ...offered([...OBSERVE_PAGES, ...GATEWAY_PAGES, ...SETTINGS_PAGES, START_PAGE], can).map((page) => ({
        id: page.to,
        label: t(page.label),
        group: t("palette.pages"),
        icon: page.icon,
        run: () => void navigate({ to: page.to, params }),
      })),
      ...me.organizations
        .flatMap((organization) => organization.projects)
        .filter((other) => other.id !== project.id)
        .map((other) => ({
          id: other.id,
          label: t("palette.goProject", { name: other.name }),
          group: t("palette.projects"),
          icon: "chevron" as const,
          run: () => void navigate({ to: "/p/$project/traces", params: { project: other.id } }),
        })),
      ...(["light", "dark", "system"] as const).map((theme) => ({
        id: `theme-${theme}`,
        label: t("palette.theme", { name: t(`theme.${theme}`) }),
        group: t("palette.actions"),
        icon: "sun" as const,
        run: () => applyTheme(theme),
      })),
      {
        id: "language",
        label: lang === "en" ? "日本語に切り替える (Japanese)" : "Switch to English (英語)",
        group: t("palette.actions"),
        icon: "language",
        run: () => setLanguage(lang === "en" ? "ja" : "en"),
      },
      ...(can("keys:manage")
        ? [
            {
              id: "new-key",
              label: t("palette.newKey"),
              group: t("palette.actions"),
              icon: "key" as const,
              run: () => void navigate({ to: "/p/$project/settings/keys", params, search: { create: true } }),
            },
          ]
        : []),
    ];
    const text = query.trim();
    if (text === "") return fixed;
    const found = fixed
      .map((command) => ({ command, score: rank(command.label, text) }))
      .filter((hit) => hit.score >= 0)
      .sort((a, b) => b.score - a.score)
      .map((hit) => hit.command);
    const dynamic: Command[] = [];
    if (TRACE_ID.test(text))
      dynamic.push({
        id: "trace",
        label: t("palette.openTrace", { id: text }),
        group: t("palette.lookup"),
        icon: "traces",
        run: () =>
          void navigate({ to: "/p/$project/traces/$traceId", params: { ...params, traceId: text.toLowerCase() } }),
      });
    if (SPAN_ID.test(text))
      dynamic.push({
        id: "span",
        label: t("palette.findSpan", { id: text }),
        group: t("palette.lookup"),
        icon: "traces",
        run: () =>
          void navigate({
            to: "/p/$project/traces",
            params,
            search: { range: "all", f: [["span_id", "eq", text.toLowerCase()]] },
          }),
      });
    dynamic.push({
      id: "search",
      label: t("palette.search", { text }),
      group: t("palette.lookup"),
      icon: "search",
      run: () => void navigate({ to: "/p/$project/traces", params, search: { q: text } }),
    });
    return TRACE_ID.test(text) || SPAN_ID.test(text) ? [...dynamic, ...found] : [...found, ...dynamic];
  }, [t, lang, setLanguage, me, project, navigate, query]);
}

export default function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useLocale();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const commands = useCommands(query);
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  const choose = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = (at + (event.key === "ArrowDown" ? 1 : -1) + commands.length) % Math.max(1, commands.length);
      setAt(next);
      document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(commands[at]);
    }
  };
  return (
    <dialog
      ref={dialog}
      className={css.palette}
      aria-label={t("shell.find")}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className={css.box}>
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={commands.length > 0 ? `${id}-${at}` : undefined}
          aria-label={t("shell.find")}
          placeholder={t("palette.placeholder")}
          autoComplete="off"
          spellCheck={false}
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKey}
        />
        <div id={`${id}-list`} role="listbox" aria-label={t("shell.find")} className={css.list}>
          {commands.map((command, index) => (
            <div
              key={command.id}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              className={css.option}
              onClick={() => choose(command)}
              onPointerMove={() => setAt(index)}
            >
              <Icon name={command.icon} size={14} />
              <span className={css.label}>{command.label}</span>
              <span className={css.group}>{command.group}</span>
            </div>
          ))}
        </div>
      </div>
    </dialog>
  );
}
