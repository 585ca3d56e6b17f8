/** Sessions: conversations across traces. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, answerAs, api } from "../api/http.ts";
import type { SessionDetail } from "../api/types.ts";
import type { SpanQuery } from "../traces/url.ts";

export const sessionsQuery = (project: string, query: SpanQuery) =>
  infiniteQueryOptions({
    queryKey: ["sessions", project, query],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/sessions", {
          params: { path: { project_id: project }, query: { ...query, limit: 100, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const sessionQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["session", project, id],
    queryFn: ({ signal }) =>
      answerAs<SessionDetail>(
        api.GET("/api/v1/projects/{project_id}/sessions/{session_id}", {
          params: { path: { project_id: project, session_id: id } },
          signal,
        }),
      ),
    structuralSharing: false,
  });
