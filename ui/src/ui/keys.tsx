/**
 * Keyboard shortcuts of a screen, and the list that `?` shows.
 *
 * A shortcut never fires while an input method is composing, while a dialog is open, or (without ⌘/Ctrl) while the
 * reader types into a field.
 */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { Dialog } from "./dialog.tsx";
import css from "./keys.module.css";
import { Kbd } from "./marks.tsx";
import { isComposing, matches } from "./shortcuts.ts";

export interface KeyBinding {
  /** `j`, `?`, `ArrowDown`, `mod+k`, `1-9`. */
  keys: string;
  label: MessageKey;
  run: (event: KeyboardEvent) => void;
}

type Group = { id: number; bindings: () => KeyBinding[] };
interface Registry {
  add: (group: Group) => () => void;
}
const Context = createContext<Registry | null>(null);

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "range", "button"].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

export function KeysProvider({ children }: { children: ReactNode }) {
  const groups = useRef<Group[]>([]);
  const [help, setHelp] = useState<KeyBinding[] | null>(null);
  const registry = useMemo<Registry>(
    () => ({
      add: (group) => {
        groups.current.push(group);
        return () => {
          groups.current = groups.current.filter((other) => other !== group);
        };
      },
    }),
    [],
  );
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isComposing(event) || event.defaultPrevented) return;
      const bindings = [...groups.current].reverse().flatMap((group) => group.bindings());
      const mod = event.metaKey || event.ctrlKey;
      if (!mod && isTyping(event.target)) return;
      if (document.querySelector("dialog[open], [popover]:popover-open")) return;
      if (event.key === "?" && !mod) {
        event.preventDefault();
        setHelp(bindings);
        return;
      }
      const found = bindings.find((binding) => matches(binding.keys, event));
      if (!found) return;
      event.preventDefault();
      found.run(event);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <Context value={registry}>
      {children}
      {help && <KeysHelp bindings={help} onClose={() => setHelp(null)} />}
    </Context>
  );
}

let nextGroup = 0;

/** Registers shortcuts for as long as the component lives. Later registrations win. */
export function useKeys(bindings: KeyBinding[]): void {
  const registry = useContext(Context);
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    nextGroup += 1;
    return registry?.add({ id: nextGroup, bindings: () => latest.current });
  }, [registry]);
}

const SYMBOLS: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Enter: "⏎",
  Escape: "Esc",
  "1-9": "1 – 9",
};
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export function KeyName({ keys }: { keys: string }) {
  if (keys.startsWith("mod+")) return <Kbd>{`${isMac ? "⌘" : "Ctrl "}${keys.slice(4).toUpperCase()}`}</Kbd>;
  return <Kbd>{SYMBOLS[keys] ?? keys}</Kbd>;
}

function KeysHelp({ bindings, onClose }: { bindings: KeyBinding[]; onClose: () => void }) {
  const { t } = useLocale();
  const byLabel = new Map<MessageKey, string[]>();
  for (const binding of bindings) byLabel.set(binding.label, [...(byLabel.get(binding.label) ?? []), binding.keys]);
  return (
    <Dialog title={t("keys.title")} onClose={onClose}>
      <dl className={css.list}>
        {[...byLabel].map(([label, keys]) => (
          <div key={label}>
            <dt>
              {keys.map((key) => (
                <KeyName key={key} keys={key} />
              ))}
            </dt>
            <dd>{t(label)}</dd>
          </div>
        ))}
        <div>
          <dt>
            <Kbd>?</Kbd>
          </dt>
          <dd>{t("keys.help")}</dd>
        </div>
      </dl>
    </Dialog>
  );
}
