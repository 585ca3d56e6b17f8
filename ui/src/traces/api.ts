/** Span lists, their counts, and their distribution over time. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, projectPath } from "../api/http.ts";
import type { Facets, Histogram, Page, SpanSummary } from "../api/types.ts";
import type { Sort, SpanQuery } from "./url.ts";

const PAGE_SIZE = 100;

export const spansQuery = (project: string, query: SpanQuery, sort: Sort, dir: "asc" | "desc") =>
  infiniteQueryOptions({
    queryKey: ["spans", project, query, sort, dir],
    queryFn: ({ pageParam, signal }) =>
      get<Page<SpanSummary>>(
        projectPath(project, "spans"),
        { ...query, order: sort, dir, limit: PAGE_SIZE, cursor: pageParam },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export const FACET_FIELDS = [
  "kind",
  "status",
  "name",
  "model",
  "provider",
  "environment",
  "service_name",
  "tags",
  "user_id",
  "session_id",
  "prompt_name",
  "tool_name",
  "agent_name",
  "level",
  "flags",
] as const;

export const facetsQuery = (project: string, query: SpanQuery) =>
  queryOptions({
    queryKey: ["facets", project, query],
    queryFn: ({ signal }) =>
      get<Facets>(projectPath(project, "spans/facets"), { ...query, fields: FACET_FIELDS.join(",") }, signal),
    placeholderData: keepPreviousData,
  });

export const histogramQuery = (project: string, query: SpanQuery) =>
  queryOptions({
    queryKey: ["histogram", project, query],
    queryFn: ({ signal }) => get<Histogram>(projectPath(project, "spans/histogram"), { ...query, buckets: 60 }, signal),
    placeholderData: keepPreviousData,
  });
