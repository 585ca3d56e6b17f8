/** What the traces screen shows: the URL's state, the spans that it names, and how to change it. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { SpanSummary } from "../api/types.ts";
import { arrivalsQuery, facetsQuery, spansQuery } from "./api.ts";
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
  const refresh = useCallback(() => {
    setNow(Date.now());
    for (const kind of ["spans", "facets", "histogram"]) void client.invalidateQueries({ queryKey: [kind, project] });
  }, [client, project]);
  const total = facets.data?.total;
  const arrivals = useQuery(arrivalsQuery(project, query));
  const counted = facets.isPlaceholderData || facets.isFetching ? undefined : total;
  const waiting = counted === undefined || arrivals.data === undefined ? 0 : Math.max(0, arrivals.data - counted);
  // Nobody reads an empty table: what arrives there needs no leave to be shown.
  const unread = spans.length === 0 && !list.isPending;
  useEffect(() => {
    if (unread && waiting > 0) refresh();
  }, [unread, waiting, refresh]);
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = list;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const narrowed = filters.length > 0 || search.q !== undefined || search.from !== undefined || search.to !== undefined;
  return {
    search,
    query,
    list,
    facets: facets.data,
    spans,
    total,
    /** How many arrived since the table was read. */
    waiting,
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
