/** Search and time range of the lists that group spans (sessions, users, scores), with their state in the URL. */
import { useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { FilterChips, RangeMenu, SearchBox } from "./filter-bar.tsx";
import css from "./screen.module.css";
import { spanQuery, type TracesSearch } from "./url.ts";
import { type SearchChange, useSearchChange } from "./use-span-list.ts";

export function useListSearch() {
  const search = useSearch({ strict: false }) as TracesSearch;
  const [now] = useState(Date.now);
  const query = useMemo(() => spanQuery(search, now), [search, now]);
  return { search, query, change: useSearchChange() };
}

export function ListBar(props: {
  search: TracesSearch;
  change: (part: SearchChange, replace?: boolean) => void;
  searchable?: boolean;
}) {
  const { t } = useLocale();
  const { change } = props;
  const setQuery = useCallback((q: string) => change({ q }, true), [change]);
  return (
    <div className={css.bar}>
      {props.searchable !== false && (
        <SearchBox value={props.search.q ?? ""} label={t("ui.search")} onChange={setQuery} />
      )}
      <RangeMenu search={props.search} onChange={change} />
      <FilterChips filters={props.search.f ?? []} onChange={(f) => change({ f })} />
    </div>
  );
}
