/** The facet sidebar: counts per value; ticking includes, the sign beside it excludes. */
import { memo, useState } from "react";
import type { Facet, Facets, SpanKind } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { cx } from "../ui/classes.ts";
import { Icon } from "../ui/icon.tsx";
import { KindMark } from "../ui/marks.tsx";
import { FACET_FIELDS } from "./api.ts";
import css from "./facets.module.css";
import { type Filter, toggleValue } from "./url.ts";

const OPEN_AT_FIRST = new Set(["kind", "status", "model", "name", "environment"]);
const SHORT = 6;

export const FacetSidebar = memo(function FacetSidebar(props: {
  facets: Facets | undefined;
  filters: Filter[];
  onChange: (filters: Filter[]) => void;
}) {
  const { t } = useLocale();
  return (
    <aside className={css.sidebar} aria-label={t("facets.title")}>
      {FACET_FIELDS.map((field) => {
        const facet = props.facets?.facets.find((candidate) => candidate.field === field);
        const chosen = props.filters.some((f) => f[0] === field);
        if (!chosen && props.facets && (facet?.values.filter((v) => v.value !== "").length ?? 0) === 0) return null;
        return <FacetGroup key={field} field={field} facet={facet} filters={props.filters} onChange={props.onChange} />;
      })}
    </aside>
  );
});

function FacetGroup(props: {
  field: string;
  facet: Facet | undefined;
  filters: Filter[];
  onChange: (filters: Filter[]) => void;
}) {
  const { t } = useLocale();
  const { field, filters, onChange } = props;
  const listed = (op: "in" | "not_in"): string[] => {
    const found = filters.find((f) => f[0] === field && f[1] === op);
    return found && Array.isArray(found[2]) ? found[2].map(String) : [];
  };
  const included = listed("in");
  const excluded = listed("not_in");
  const [open, setOpen] = useState(OPEN_AT_FIRST.has(field) || included.length + excluded.length > 0);
  const [all, setAll] = useState(false);
  const counted = (props.facet?.values ?? []).filter((entry) => entry.value !== "");
  // A ticked value stays in its place in the list even when its count has gone to nothing.
  const missing = [...included, ...excluded].filter((value) => !counted.some((entry) => entry.value === value));
  const values = [...counted, ...missing.map((value) => ({ value, count: 0 }))];
  const max = Math.max(1, ...values.map((entry) => entry.count));
  const shown = all ? values : values.slice(0, SHORT);
  return (
    <section className={css.group}>
      <button type="button" className={css.title} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? "down" : "chevron"} size={11} />
        {t(`facet.${field}` as MessageKey)}
        {included.length + excluded.length > 0 && <span className={css.dot}>{included.length + excluded.length}</span>}
      </button>
      {open && (
        <ul>
          {shown.map(({ value, count }) => {
            const isOut = excluded.includes(value);
            return (
              <li key={value} className={css.value}>
                <label className={cx(css.label, isOut && css.out)} title={value}>
                  <input
                    type="checkbox"
                    checked={included.includes(value)}
                    onChange={() => onChange(toggleValue(filters, field, value, "in"))}
                  />
                  {field === "kind" && <KindMark kind={value as SpanKind} size={10} />}
                  <span className={css.name}>{label(t, field, value)}</span>
                </label>
                <button
                  type="button"
                  className={css.not}
                  aria-pressed={isOut}
                  aria-label={t("facets.exclude", { value })}
                  title={t("facets.exclude", { value })}
                  onClick={() => onChange(toggleValue(filters, field, value, "not_in"))}
                >
                  ≠
                </button>
                <span className={css.count}>
                  <Count n={count} />
                </span>
                <span className={css.meter} style={{ width: `${(count / max) * 100}%` }} />
              </li>
            );
          })}
          {values.length > SHORT && (
            <li>
              <button type="button" className={css.more} onClick={() => setAll(!all)}>
                {all ? t("facets.fewer") : t("facets.more", { n: values.length - SHORT })}
                {props.facet?.truncated && all && ` · ${t("facets.truncated")}`}
              </button>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}

function Count({ n }: { n: number }) {
  const { fmt } = useLocale();
  return <>{n > 99_999 ? fmt.compact(n) : fmt.count(n)}</>;
}

function label(t: (key: MessageKey) => string, field: string, value: string): string {
  if (field === "kind") return t(`kind.${value}` as MessageKey);
  if (field === "status") return t(`status.${value}` as MessageKey);
  return value;
}
