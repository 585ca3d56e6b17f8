/** Compare: two to six sessions side by side, their numbers and what was said against the first. */
import { useQueries } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import type { MessagePart, SessionDetail } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { partText } from "../trace/messages.ts";
import css from "../traces/compare.module.css";
import { Delta, TextDiff } from "../traces/difference.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { sessionQuery } from "./api.ts";

const MOST = 6;

export default function CompareSessionsScreen() {
  const { t } = useLocale();
  const { project } = useProject();
  const ids = useSearch({ strict: false, select: (search) => (search as { ids?: string }).ids ?? "" });
  const picks = ids.split(",").filter(Boolean).slice(0, MOST).map(decodeURIComponent);
  const sessions = useQueries({ queries: picks.map((id) => sessionQuery(project.id, id)) });
  const first = sessions[0]?.data;
  const title = t("compare.sessions", { n: picks.length });
  return (
    <>
      <PageHead title={title} />
      {picks.length < 2 ? (
        <Empty icon="compare" title={t("compare.none")}>
          <p>{t("compare.noneText")}</p>
          <Link to="/p/$project/sessions" params={{ project: project.id }}>
            {t("nav.sessions")}
          </Link>
        </Empty>
      ) : (
        <div className={css.columns} tabIndex={0} role="region" aria-label={title}>
          {sessions.map((session, index) => (
            <section key={picks[index]} className={css.column} aria-label={picks[index]}>
              {session.isError ? (
                <ErrorPanel error={session.error} retry={() => void session.refetch()} />
              ) : session.data === undefined ? (
                <Loading />
              ) : (
                <Column
                  project={project.id}
                  id={picks[index]!}
                  session={session.data}
                  base={index > 0 ? first : undefined}
                  index={index}
                />
              )}
            </section>
          ))}
        </div>
      )}
    </>
  );
}

/** Calls of tools and their answers are part of what was said; pictures and the like aren't compared. */
function wordsOf(part: MessagePart): string {
  if (part.type === "tool_call") return `${String(part.name ?? "")} ${JSON.stringify(part.arguments ?? {})}`;
  if (part.type === "tool_call_response") return JSON.stringify(part.response ?? part.result ?? "");
  return partText(part);
}

/** What was said, a turn a paragraph; repeated history counts once. */
const saidIn = (session: SessionDetail): string =>
  session.turns
    .filter((turn) => turn.is_new)
    .map((turn) => `${turn.role}: ${turn.parts.map(wordsOf).join(" ").trim()}`)
    .join("\n\n");

const lengthMs = (session: SessionDetail): number => Date.parse(session.end_time) - Date.parse(session.start_time);
const money = (session: SessionDetail): number | null => (session.cost_usd == null ? null : Number(session.cost_usd));

function Column(props: {
  project: string;
  id: string;
  session: SessionDetail;
  base: SessionDetail | undefined;
  index: number;
}) {
  const { t, fmt } = useLocale();
  const { session, base } = props;
  const facts: [string, string, number | null, number | null][] = [
    [t("col.duration"), fmt.duration(lengthMs(session)), lengthMs(session), base ? lengthMs(base) : null],
    [t("col.traces"), fmt.count(session.trace_count), session.trace_count, base?.trace_count ?? null],
    [t("col.spans"), fmt.count(session.span_count), session.span_count, base?.span_count ?? null],
    [t("col.errors"), fmt.count(session.error_count), session.error_count, base?.error_count ?? null],
    [t("col.tokens"), fmt.count(session.total_tokens), session.total_tokens, base?.total_tokens ?? null],
    [t("col.cost"), fmt.cost(session.cost_usd), money(session), base ? money(base) : null],
  ];
  return (
    <>
      <header className={css.head}>
        <span className={css.letter}>{String.fromCharCode(65 + props.index)}</span>
        <h2 className={css.name}>
          <Link to="/p/$project/sessions/$sessionId" params={{ project: props.project, sessionId: props.id }}>
            {props.id}
          </Link>
        </h2>
        {session.truncated && <Badge tone="warn">{t("compare.truncated")}</Badge>}
      </header>
      <dl className={css.facts}>
        {facts.map(([label, shown, value, reference]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {shown} <Delta value={value} reference={reference} />
            </dd>
          </div>
        ))}
      </dl>
      {base ? (
        <TextDiff title={t("compare.conversationDiff")} before={saidIn(base)} after={saidIn(session)} />
      ) : (
        <section className={css.diff}>
          <h3>{t("compare.conversation")}</h3>
          <p>{saidIn(session)}</p>
        </section>
      )}
    </>
  );
}
