/** Scores: summaries per name, and the scores themselves. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api } from "../api/http.ts";
import type { SpanQuery } from "../traces/url.ts";

const range = ({ from, to }: SpanQuery) => ({ ...(from && { from }), ...(to && { to }) });

export const summaryQuery = (project: string, query: SpanQuery) =>
  queryOptions({
    queryKey: ["scores", project, "summary", range(query)],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/scores/summary", {
          params: { path: { project_id: project }, query: range(query) },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const scoresQuery = (project: string, query: SpanQuery) =>
  infiniteQueryOptions({
    queryKey: ["scores", project, "list", range(query)],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/scores", {
          params: { path: { project_id: project }, query: { ...range(query), limit: 50, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
