/** A JSON tree that renders only what is open: objects start closed below the second level, long lists open in steps. */
import { memo, useState } from "react";
import type { Json } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import css from "./json-tree.module.css";

const STEP = 100;
const LONG_TEXT = 400;

export const JsonTree = memo(function JsonTree({ value, open = 2 }: { value: Json; open?: number }) {
  return (
    <div className={css.tree}>
      <Node value={value} depth={0} open={open} />
    </div>
  );
});

function Node(props: { name?: string; value: Json; depth: number; open: number }) {
  const { value } = props;
  if (value !== null && typeof value === "object") return <Branch {...props} value={value} />;
  return (
    <div className={css.line}>
      {props.name !== undefined && <span className={css.name}>{props.name}</span>}
      <Leaf value={value} />
    </div>
  );
}

function Branch(props: { name?: string; value: Json[] | { [key: string]: Json }; depth: number; open: number }) {
  const { t } = useLocale();
  const isList = Array.isArray(props.value);
  const entries = Object.entries(props.value);
  const [opened, setOpened] = useState(props.depth < props.open && entries.length <= STEP);
  const [limit, setLimit] = useState(STEP);
  const summary = isList ? `[${entries.length}]` : `{${entries.length}}`;
  if (entries.length === 0)
    return (
      <div className={css.line}>
        {props.name !== undefined && <span className={css.name}>{props.name}</span>}
        <span className={css.quiet}>{isList ? "[]" : "{}"}</span>
      </div>
    );
  return (
    <div>
      <button type="button" className={css.fold} aria-expanded={opened} onClick={() => setOpened(!opened)}>
        <span className={css.arrow}>{opened ? "▾" : "▸"}</span>
        {props.name !== undefined && <span className={css.name}>{props.name}</span>}
        <span className={css.quiet}>{summary}</span>
      </button>
      {opened && (
        <div className={css.children}>
          {entries.slice(0, limit).map(([key, child]) => (
            <Node key={key} name={key} value={child} depth={props.depth + 1} open={props.open} />
          ))}
          {entries.length > limit && (
            <button type="button" className={css.more} onClick={() => setLimit(limit + STEP)}>
              {t("json.more", { n: entries.length - limit })}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Leaf({ value }: { value: null | boolean | number | string }) {
  const { t } = useLocale();
  const [whole, setWhole] = useState(false);
  if (typeof value !== "string") return <span className={css.literal}>{String(value)}</span>;
  const long = value.length > LONG_TEXT && !whole;
  return (
    <span className={css.string}>
      {long ? `${value.slice(0, LONG_TEXT)}…` : value}
      {long && (
        <button type="button" className={css.more} onClick={() => setWhole(true)}>
          {t("json.whole", { n: value.length })}
        </button>
      )}
    </span>
  );
}
