/** What the traces screen shows: the URL's state, the spans that it names, and how to change it. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { SpanSummary } from "../api/types.ts";
import { facetsQuery, spansQuery } from "./api.ts";
import { type Filter, type Sort, spanQuery, type TracesSearch } from "./url.ts";

const NO_FILTERS: Filter[] = [];
const NO_SPANS: SpanSummary[] = [];

/** Parts that are undefined leave the URL. */
export type SearchChange = { [Key in keyof TracesSearch]?: TracesSearch[Key] | undefined };

export function useSearchChange() {
  const navigate = useNavigate();
  return useCallback(
    (part: SearchChange, replace = false) =>
      void navigate({ to: ".", search: ((old: TracesSearch) => ({ ...old, ...part })) as never, replace }),
    [navigate],
  );
}

export function useSpanList(project: string) {
  const search = useSearch({ strict: false }) as TracesSearch;
  const client = useQueryClient();
  const change = useSearchChange();
  const [now, setNow] = useState(Date.now);
  const query = useMemo(() => spanQuery(search, now), [search, now]);
  const sort: Sort = search.sort ?? "start_time";
  const dir = search.dir ?? "desc";
  const list = useInfiniteQuery(spansQuery(project, query, sort, dir));
  const facets = useQuery(facetsQuery(project, query));
  const spans = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? NO_SPANS, [list.data]);
  const filters = search.f ?? NO_FILTERS;
  const setFilters = useCallback((f: Filter[]) => change({ f }), [change]);
  const setSort = useCallback(
    (next: Sort) => change({ sort: next, dir: next === sort && dir === "desc" ? "asc" : undefined }),
    [change, sort, dir],
  );
  const refresh = () => {
    setNow(Date.now());
    for (const kind of ["spans", "facets", "histogram"]) void client.invalidateQueries({ queryKey: [kind, project] });
  };
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = list;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const narrowed = filters.length > 0 || search.q !== undefined || search.from !== undefined || search.to !== undefined;
  const total = facets.data?.total;
  return {
    search,
    query,
    list,
    facets: facets.data,
    spans,
    total,
    filters,
    sort,
    descending: dir === "desc",
    narrowed,
    /** Nothing to narrow and nothing to preview: the whole room belongs to the way in. */
    bare: !narrowed && total === 0 && spans.length === 0,
    change,
    setFilters,
    setSort,
    refresh,
    loadMore,
  };
}

export type SpanList = ReturnType<typeof useSpanList>;
