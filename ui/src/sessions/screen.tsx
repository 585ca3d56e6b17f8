/** Sessions: the list. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { ListBar, useListSearch } from "../traces/list-bar.tsx";
import { TickedBar } from "../traces/ticked-bar.tsx";
import { ERRORS, isNarrowed, rangeOf, WIDEST } from "../traces/url.ts";
import { useTicks } from "../traces/use-ticks.ts";
import { useKeys } from "../ui/keys.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { sessionsQuery } from "./api.ts";

export default function SessionsScreen() {
  const { t, fmt } = useLocale();
  const { project } = useProject();
  const { search, query, change } = useListSearch();
  const list = useInfiniteQuery(sessionsQuery(project.id, query));
  const ticks = useTicks(project.id, "sessions");
  useKeys([{ keys: "c", label: "keys.compare", run: ticks.compare }]);
  return (
    <>
      <PageHead title={t("nav.sessions")} lead={t("sessions.lead")} />
      <ListBar search={search} change={change} />
      {ticks.ticked.size > 0 && <TickedBar ticks={ticks} />}
      <PagedTable
        label={t("nav.sessions")}
        list={list}
        onWiden={isNarrowed(search) ? () => change(WIDEST) : undefined}
        rowKey={(session) => session.session_id}
        empty={{ icon: "sessions", title: t("sessions.none"), text: t("sessions.noneText"), code: SESSION_SNIPPET }}
        columns={[
          {
            id: "tick",
            width: "32px",
            head: <span className="visually-hidden">{t("compare.tick")}</span>,
            cell: (session) => (
              <input
                type="checkbox"
                aria-label={t("compare.tickRow", { name: session.session_id })}
                checked={ticks.ticked.has(session.session_id)}
                onChange={() => ticks.tick(session.session_id)}
              />
            ),
          },
          {
            id: "session",
            head: t("col.session"),
            cell: (session) => (
              <Link
                to="/p/$project/sessions/$sessionId"
                params={{ project: project.id, sessionId: session.session_id }}
              >
                {session.session_id}
              </Link>
            ),
          },
          { id: "preview", head: t("sessions.first"), cell: (session) => session.input_preview, clip: true },
          { id: "user", head: t("col.user"), cell: (session) => session.user_id },
          { id: "traces", head: t("col.traces"), align: "end", cell: (session) => fmt.count(session.trace_count) },
          { id: "spans", head: t("col.spans"), align: "end", cell: (session) => fmt.count(session.span_count) },
          {
            id: "errors",
            head: t("col.errors"),
            align: "end",
            cell: (session) =>
              session.error_count > 0 ? (
                <Link
                  to="/p/$project/traces"
                  params={{ project: project.id }}
                  search={{ ...rangeOf(search), f: [["session_id", "in", [session.session_id]], ERRORS] }}
                >
                  <Badge tone="error">✕ {session.error_count}</Badge>
                </Link>
              ) : (
                ""
              ),
          },
          { id: "tokens", head: t("col.tokens"), align: "end", cell: (session) => fmt.count(session.total_tokens) },
          { id: "cost", head: t("col.cost"), align: "end", cell: (session) => fmt.cost(session.cost_usd) },
          { id: "last", head: t("col.last"), align: "end", cell: (session) => fmt.dateTime(session.end_time) },
        ]}
      />
    </>
  );
}

const SESSION_SNIPPET = `client.chat.completions.create(
    model="…",
    messages=messages,
    extra_headers={"x-kaname-session-id": "chat-42", "x-kaname-user-id": "user-7"},
)`;
