/** End users: the people whom the application serves, as far as its spans name them. */
import { infiniteQueryOptions, keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { answer, api } from "../api/http.ts";
import { useLocale } from "../i18n/index.tsx";
import { ListBar, useListSearch } from "../traces/list-bar.tsx";
import { ERRORS, isNarrowed, rangeOf, type SpanQuery, WIDEST } from "../traces/url.ts";
import { Badge } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";

const usersQuery = (project: string, query: SpanQuery) =>
  infiniteQueryOptions({
    queryKey: ["users", project, query],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/users", {
          params: { path: { project_id: project }, query: { ...query, limit: 100, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export default function UsersScreen() {
  const { t, fmt } = useLocale();
  const { project } = useProject();
  const { search, query, change } = useListSearch();
  const range = rangeOf(search);
  const list = useInfiniteQuery(usersQuery(project.id, query));
  return (
    <>
      <PageHead title={t("nav.users")} lead={t("users.lead")} />
      <ListBar search={search} change={change} />
      <PagedTable
        label={t("nav.users")}
        list={list}
        onWiden={isNarrowed(search) ? () => change(WIDEST) : undefined}
        rowKey={(user) => user.user_id}
        empty={{ icon: "users", title: t("users.none"), text: t("users.noneText") }}
        columns={[
          {
            id: "user",
            head: t("col.user"),
            cell: (user) => (
              <Link
                to="/p/$project/traces"
                params={{ project: project.id }}
                search={{ f: [["user_id", "in", [user.user_id]]], range: "all" }}
              >
                {user.user_id}
              </Link>
            ),
          },
          { id: "spans", head: t("col.spans"), align: "end", cell: (user) => fmt.count(user.span_count) },
          { id: "traces", head: t("col.traces"), align: "end", cell: (user) => fmt.count(user.trace_count) },
          { id: "sessions", head: t("nav.sessions"), align: "end", cell: (user) => fmt.count(user.session_count) },
          {
            id: "errors",
            head: t("col.errors"),
            align: "end",
            cell: (user) =>
              user.error_count > 0 ? (
                <Link
                  to="/p/$project/traces"
                  params={{ project: project.id }}
                  search={{ ...range, f: [["user_id", "in", [user.user_id]], ERRORS] }}
                >
                  <Badge tone="error">✕ {user.error_count}</Badge>
                </Link>
              ) : (
                ""
              ),
          },
          { id: "tokens", head: t("col.tokens"), align: "end", cell: (user) => fmt.count(user.total_tokens) },
          { id: "cost", head: t("col.cost"), align: "end", cell: (user) => fmt.cost(user.cost_usd) },
          { id: "first", head: t("col.first"), align: "end", cell: (user) => fmt.dateTime(user.first_seen) },
          { id: "last", head: t("col.last"), align: "end", cell: (user) => fmt.dateTime(user.last_seen) },
        ]}
      />
    </>
  );
}
