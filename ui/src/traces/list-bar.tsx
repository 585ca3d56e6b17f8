/** Search and time range of the lists that group spans (sessions, users, scores), with their state in the URL. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { FilterChips, RangeMenu, SearchBox } from "./filter-bar.tsx";
import css from "./screen.module.css";
import { type SpanQuery, spanQuery, type TracesSearch } from "./url.ts";

export function useListSearch(): {
  search: TracesSearch;
  query: SpanQuery;
  change: (part: Partial<TracesSearch>) => void;
} {
  const search = useSearch({ strict: false }) as TracesSearch;
  const navigate = useNavigate();
  const [now] = useState(Date.now);
  const query = useMemo(() => spanQuery(search, now), [search, now]);
  const change = useCallback(
    (part: Partial<TracesSearch>) =>
      void navigate({ to: ".", search: ((old: TracesSearch) => ({ ...old, ...part })) as never, replace: true }),
    [navigate],
  );
  return { search, query, change };
}

export function ListBar(props: {
  search: TracesSearch;
  change: (part: Partial<TracesSearch>) => void;
  searchable?: boolean;
}) {
  const { t } = useLocale();
  const { change } = props;
  const setQuery = useCallback((q: string) => change({ q }), [change]);
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
