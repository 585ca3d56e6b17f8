/** Tabs with roving focus. The panel is the caller's: give it `id={panelId(id)}`. */
import type { KeyboardEvent, ReactNode } from "react";
import css from "./tabs.module.css";

export function Tabs<T extends string>(props: {
  id: string;
  label: string;
  value: T;
  tabs: { value: T; label: ReactNode; count?: number | undefined }[];
  onChange: (value: T) => void;
}) {
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = props.tabs.findIndex((tab) => tab.value === props.value);
    const next = props.tabs[(at + step + props.tabs.length) % props.tabs.length];
    if (!next) return;
    props.onChange(next.value);
    document.getElementById(`${props.id}-${next.value}`)?.focus();
  };
  return (
    <div role="tablist" aria-label={props.label} className={css.list} onKeyDown={move}>
      {props.tabs.map((tab) => (
        <button
          key={tab.value}
          id={`${props.id}-${tab.value}`}
          type="button"
          role="tab"
          aria-selected={tab.value === props.value}
          aria-controls={panelId(props.id)}
          tabIndex={tab.value === props.value ? 0 : -1}
          className={css.tab}
          onClick={() => props.onChange(tab.value)}
        >
          {tab.label}
          {tab.count !== undefined && tab.count > 0 && <span className={css.count}>{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}

export const panelId = (id: string): string => `${id}-panel`;

export function TabPanel(props: { id: string; value: string; className?: string | undefined; children: ReactNode }) {
  return (
    <div
      role="tabpanel"
      id={panelId(props.id)}
      aria-labelledby={`${props.id}-${props.value}`}
      tabIndex={0}
      className={props.className}
    >
      {props.children}
    </div>
  );
}
