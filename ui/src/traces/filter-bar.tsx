/** Search, time range, active filters, and the form that adds a filter by hand. */
import { useEffect, useRef, useState } from "react";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Popover } from "../ui/menu.tsx";
import css from "./filter-bar.module.css";
import { DEFAULT_RANGE, type Filter, type FilterOp, RANGES, type Range, type TracesSearch } from "./url.ts";
import type { SearchChange } from "./use-span-list.ts";

const DEBOUNCE_MS = 300;

/** Types freely; tells the caller after a pause, on Enter, and never while an IME composes. */
export function SearchBox(props: { value: string; label: string; onChange: (text: string) => void }) {
  const [text, setText] = useState(props.value);
  const composing = useRef(false);
  const { onChange, value } = props;
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value || composing.current) return;
    const timer = setTimeout(() => onChange(text), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <div className={css.search}>
      <Icon name="search" size={14} />
      <input
        type="search"
        data-search
        aria-label={props.label}
        placeholder={props.label}
        value={text}
        spellCheck={false}
        onCompositionStart={() => {
          composing.current = true;
        }}
        onCompositionEnd={(event) => {
          composing.current = false;
          onChange(event.currentTarget.value);
        }}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === "Enter") onChange(text);
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
    </div>
  );
}

export function RangeMenu(props: { search: TracesSearch; onChange: (change: SearchChange) => void }) {
  const { t, fmt } = useLocale();
  const { search, onChange } = props;
  const custom = search.from !== undefined || search.to !== undefined;
  const range = search.range ?? DEFAULT_RANGE;
  const choose = (value: Range) => onChange({ range: value, from: undefined, to: undefined });
  return (
    <Popover
      label={t("range.label")}
      role="dialog"
      trigger={
        <>
          {custom
            ? `${fmt.time(search.from)} – ${search.to ? fmt.time(search.to) : t("range.now")}`
            : t(`range.${range}`)}
          <Icon name="down" size={12} />
        </>
      }
    >
      {(close) => (
        <div className={css.range}>
          {RANGES.map((value) => (
            <Button
              key={value}
              variant="ghost"
              aria-pressed={!custom && value === range}
              onClick={() => {
                choose(value);
                close();
              }}
            >
              {t(`range.${value}`)}
            </Button>
          ))}
          <CustomRange
            search={search}
            onApply={(from, to) => {
              onChange({ from, to, range: undefined });
              close();
            }}
          />
        </div>
      )}
    </Popover>
  );
}

const toLocal = (iso: string | undefined): string => {
  if (!iso) return "";
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};
const fromLocal = (local: string): string | undefined => (local === "" ? undefined : new Date(local).toISOString());

function CustomRange(props: {
  search: TracesSearch;
  onApply: (from: string | undefined, to: string | undefined) => void;
}) {
  const { t } = useLocale();
  const [from, setFrom] = useState(toLocal(props.search.from));
  const [to, setTo] = useState(toLocal(props.search.to));
  return (
    <form
      className={css.custom}
      onSubmit={(event) => {
        event.preventDefault();
        props.onApply(fromLocal(from), fromLocal(to));
      }}
    >
      <Field label={t("range.from")}>
        <TextInput type="datetime-local" value={from} onChange={(e) => setFrom(e.target.value)} />
      </Field>
      <Field label={t("range.to")}>
        <TextInput type="datetime-local" value={to} onChange={(e) => setTo(e.target.value)} />
      </Field>
      <Button type="submit" disabled={from === "" && to === ""}>
        {t("range.apply")}
      </Button>
    </form>
  );
}

const SIGNS: Record<FilterOp, string> = {
  eq: "=",
  ne: "≠",
  in: "=",
  not_in: "≠",
  gt: ">",
  gte: "≥",
  lt: "<",
  lte: "≤",
  contains: "∋",
  exists: "∃",
};

export function FilterChips(props: { filters: Filter[]; onChange: (filters: Filter[]) => void }) {
  const { t } = useLocale();
  const { filters, onChange } = props;
  return (
    <>
      {filters.map((filter, index) => {
        const [field, op, value] = filter;
        const shown = Array.isArray(value) ? value.join(", ") : String(value);
        const name = t(`facet.${field}` as MessageKey);
        const label = name.startsWith("facet.") ? field : name;
        return (
          <span key={`${field}-${op}-${index}`} className={css.chip}>
            <span className={css.chipText} title={`${field} ${op} ${shown}`}>
              {label} {SIGNS[op]} <strong>{shown}</strong>
            </span>
            <button
              type="button"
              aria-label={t("filter.remove", { name: `${label} ${SIGNS[op]} ${shown}` })}
              onClick={() => onChange(filters.filter((other) => other !== filter))}
            >
              <Icon name="close" size={11} />
            </button>
          </span>
        );
      })}
      {filters.length > 1 && (
        <Button variant="ghost" onClick={() => onChange([])}>
          {t("filter.clear")}
        </Button>
      )}
    </>
  );
}

const NUMERIC = ["duration_ms", "cost_usd", "input_tokens", "output_tokens", "total_tokens"];
const TEXTUAL = [
  "name",
  "model",
  "provider",
  "user_id",
  "session_id",
  "trace_id",
  "environment",
  "service_name",
  "tags",
  "prompt_name",
  "tool_name",
  "agent_name",
];

export function AddFilter(props: { onAdd: (filter: Filter) => void }) {
  const { t } = useLocale();
  const [field, setField] = useState("duration_ms");
  const [key, setKey] = useState("");
  const [op, setOp] = useState<FilterOp>("gte");
  const [value, setValue] = useState("");
  const custom = field === "metadata" || field === "score";
  const numeric = NUMERIC.includes(field);
  const ops: FilterOp[] = numeric ? ["gte", "gt", "lte", "lt", "eq", "ne"] : ["eq", "ne", "contains", "exists"];
  const all: FilterOp[] = field === "score" ? ["gte", "gt", "lte", "lt", "eq", "ne", "exists"] : ops;
  const change = (next: string) => {
    setField(next);
    setOp(NUMERIC.includes(next) || next === "score" ? "gte" : "eq");
  };
  return (
    <Popover
      label={t("filter.add")}
      role="dialog"
      trigger={
        <>
          <Icon name="plus" size={12} /> {t("filter.add")}
        </>
      }
    >
      {(close) => (
        <form
          className={css.form}
          onSubmit={(event) => {
            event.preventDefault();
            const isNumber = (numeric || field === "score") && value.trim() !== "" && Number.isFinite(Number(value));
            const operand = op === "exists" ? true : isNumber ? Number(value) : value;
            props.onAdd([custom ? `${field}.${key}` : field, op, operand]);
            setValue("");
            close();
          }}
        >
          <Field label={t("filter.field")}>
            <Select value={field} onChange={(e) => change(e.target.value)}>
              {[...NUMERIC, ...TEXTUAL, "metadata", "score"].map((name) => (
                <option key={name} value={name}>
                  {t(`facet.${name}` as MessageKey)}
                </option>
              ))}
            </Select>
          </Field>
          {custom && (
            <Field label={t("filter.key")}>
              <TextInput required value={key} onChange={(e) => setKey(e.target.value)} />
            </Field>
          )}
          <Field label={t("filter.op")}>
            <Select value={op} onChange={(e) => setOp(e.target.value as FilterOp)}>
              {all.map((name) => (
                <option key={name} value={name}>
                  {t(`op.${name}` as MessageKey)}
                </option>
              ))}
            </Select>
          </Field>
          {op !== "exists" && (
            <Field label={t("filter.value")}>
              <TextInput
                required
                inputMode={numeric ? "decimal" : "text"}
                value={value}
                onChange={(e) => setValue(e.target.value)}
              />
            </Field>
          )}
          <Button type="submit" variant="primary">
            {t("filter.apply")}
          </Button>
        </form>
      )}
    </Popover>
  );
}
