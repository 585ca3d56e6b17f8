/** The bar above the span table: search, time range, views, filters, columns; and the export of what they leave. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { projectPath } from "../api/http.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { Checkbox } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu, Popover } from "../ui/menu.tsx";
import { chosenColumns, DEFAULT_COLUMNS, SPAN_COLUMNS } from "./columns.tsx";
import { AddFilter, FilterChips, RangeMenu, SearchBox } from "./filter-bar.tsx";
import css from "./screen.module.css";
import type { SpanQuery } from "./url.ts";
import type { SpanList } from "./use-span-list.ts";
import { ViewMenu } from "./view-menu.tsx";

export function Toolbar({ list }: { list: SpanList }) {
  const { t } = useLocale();
  const navigate = useNavigate();
  const { search, change, filters, setFilters } = list;
  const setQuery = useCallback((q: string) => change({ q }, true), [change]);
  return (
    <div className={css.bar}>
      <SearchBox value={search.q ?? ""} label={t("traces.search")} onChange={setQuery} />
      <RangeMenu search={search} onChange={change} />
      <ViewMenu search={search} onChoose={(view) => void navigate({ to: ".", search: view as never })} />
      <AddFilter onAdd={(filter) => setFilters([...filters, filter])} />
      <ColumnChooser cols={search.cols} onChange={(cols) => change({ cols }, true)} />
      <FilterChips filters={filters} onChange={setFilters} />
    </div>
  );
}

function ColumnChooser({ cols, onChange }: { cols: string | undefined; onChange: (cols: string | undefined) => void }) {
  const { t } = useLocale();
  const shown = chosenColumns(cols).map((column) => column.id);
  const toggle = (id: string) => {
    const next = shown.includes(id) ? shown.filter((other) => other !== id) : [...shown, id];
    const same = next.join() === DEFAULT_COLUMNS.join();
    onChange(same || next.length === 0 ? undefined : next.join(","));
  };
  return (
    <Popover
      label={t("traces.columns")}
      role="dialog"
      trigger={
        <>
          <Icon name="columns" size={14} /> {t("traces.columns")}
        </>
      }
    >
      {() => (
        <div className={css.columns}>
          {SPAN_COLUMNS.map((column) => (
            <Checkbox
              key={column.id}
              label={t(column.label)}
              checked={shown.includes(column.id)}
              onChange={() => toggle(column.id)}
            />
          ))}
          <Button variant="ghost" onClick={() => onChange(undefined)}>
            {t("traces.columnsReset")}
          </Button>
        </div>
      )}
    </Popover>
  );
}

/** Downloads what the filters leave, all pages of it. */
export function ExportMenu({ project, query }: { project: string; query: SpanQuery }) {
  const { t } = useLocale();
  const run = (format: "jsonl" | "parquet") => {
    location.href = projectPath(project, `export/spans?${new URLSearchParams({ format, ...query })}`);
  };
  return (
    <Menu
      label={t("traces.export")}
      align="end"
      trigger={
        <>
          <Icon name="download" size={14} /> {t("traces.export")}
        </>
      }
      items={[
        { label: "JSON Lines", run: () => run("jsonl") },
        { label: "Parquet", run: () => run("parquet") },
      ]}
    />
  );
}
