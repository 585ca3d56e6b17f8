/** Sessions: conversations across traces. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, projectPath } from "../api/http.ts";
import type { Page, SessionDetail, SessionSummary } from "../api/types.ts";
import type { SpanQuery } from "../traces/url.ts";

export const sessionsQuery = (project: string, query: SpanQuery) =>
  infiniteQueryOptions({
    queryKey: ["sessions", project, query],
    queryFn: ({ pageParam, signal }) =>
      get<Page<SessionSummary>>(projectPath(project, "sessions"), { ...query, limit: 100, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export const sessionQuery = (project: string, id: string) =>
  queryOptions({
    queryKey: ["session", project, id],
    queryFn: ({ signal }) => get<SessionDetail>(projectPath(project, `sessions/${encodeURIComponent(id)}`), {}, signal),
    structuralSharing: false,
  });
