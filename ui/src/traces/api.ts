/** Span lists, their counts, and their distribution over time. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api } from "../api/http.ts";
import type { Sort, SpanQuery } from "./url.ts";

const PAGE_SIZE = 100;

export const spansQuery = (project: string, query: SpanQuery, sort: Sort, dir: "asc" | "desc") =>
  infiniteQueryOptions({
    queryKey: ["spans", project, query, sort, dir],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/spans", {
          params: {
            path: { project_id: project },
            query: { ...query, order: sort, dir, limit: PAGE_SIZE, cursor: pageParam },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
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
      answer(
        api.GET("/api/v1/projects/{project_id}/spans/facets", {
          params: { path: { project_id: project }, query: { ...query, fields: FACET_FIELDS.join(",") } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const histogramQuery = (project: string, query: SpanQuery) =>
  queryOptions({
    queryKey: ["histogram", project, query],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/spans/histogram", {
          params: { path: { project_id: project }, query: { ...query, buckets: 60 } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });

const ARRIVALS_POLL_MS = 5000;

/** How many spans match by now; asked again and again while the page is in sight. */
export const arrivalsQuery = (project: string, query: SpanQuery) =>
  queryOptions({
    queryKey: ["arrivals", project, query],
    queryFn: async ({ signal }) => {
      const found = await answer(
        api.GET("/api/v1/projects/{project_id}/spans/facets", {
          params: { path: { project_id: project }, query: { ...query, fields: "kind" } },
          signal,
        }),
      );
      return found.total;
    },
    // What is past its end gets no news.
    enabled: query.to === undefined,
    refetchInterval: ARRIVALS_POLL_MS,
    refetchIntervalInBackground: false,
    retry: false,
    staleTime: ARRIVALS_POLL_MS,
  });

/** The newest span, if any: whether anything has arrived. */
export const newestSpanQuery = (project: string) =>
  queryOptions({
    queryKey: ["newest-span", project],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/spans", {
          params: { path: { project_id: project }, query: { limit: 1 } },
          signal,
        }),
      ),
  });
