/** One session: its conversation across traces, and the traces themselves. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { TurnList } from "../trace/transcript.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Badge, ScoreChip } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { SideSplit } from "../ui/split.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { sessionQuery } from "./api.ts";
import css from "./session.module.css";

export default function SessionScreen() {
  const { t, fmt } = useLocale();
  const { project } = useProject();
  const navigate = useNavigate();
  const id = useParams({ strict: false, select: (params) => params.sessionId ?? "" });
  const { data: session, error, refetch } = useQuery(sessionQuery(project.id, id));
  if (error) return <ErrorPanel page error={error} retry={() => void refetch()} />;
  if (!session) return <Loading />;
  return (
    <>
      <PageHead
        documentTitle={id}
        title={
          <span className={css.title}>
            <Link to="/p/$project/sessions" params={{ project: project.id }}>
              {t("nav.sessions")}
            </Link>
            <span className={css.quiet}>/</span>
            <span>{id}</span>
            <CopyButton text={id} label={t("ui.copy")} />
          </span>
        }
        lead={
          <span className={css.facts}>
            <span>{t("unit.traces", { n: session.trace_count })}</span>
            <span>{t("unit.spans", { n: session.span_count })}</span>
            <span>{t("unit.tokens", { n: session.total_tokens })}</span>
            <span>{fmt.cost(session.cost_usd)}</span>
            <span>
              {fmt.dateTime(session.start_time)} – {fmt.dateTime(session.end_time)}
            </span>
            {session.user_id && (
              <Link
                to="/p/$project/traces"
                params={{ project: project.id }}
                search={{ f: [["user_id", "in", [session.user_id]]], range: "all" }}
              >
                {t("trace.user", { id: session.user_id })}
              </Link>
            )}
          </span>
        }
      />
      <SideSplit
        name="session"
        label={t("ui.resize")}
        initial={380}
        side={
          <>
            <h2 className={css.head}>{t("unit.traces", { n: session.traces.length })}</h2>
            <ol className={css.traces}>
              {session.traces.map((trace) => (
                <li key={trace.trace_id}>
                  <div className={css.line}>
                    <Link to="/p/$project/traces/$traceId" params={{ project: project.id, traceId: trace.trace_id }}>
                      {trace.name}
                    </Link>
                    {trace.error_count > 0 && (
                      <Badge tone="error">
                        ✕ <span className="visually-hidden">{t("col.errors")}</span> {trace.error_count}
                      </Badge>
                    )}
                    <span className={css.end}>{fmt.time(trace.start_time)}</span>
                  </div>
                  <p className={css.preview}>{trace.input_preview}</p>
                  <div className={css.line}>
                    <span className={css.quiet}>
                      {fmt.duration(trace.duration_ms)} · {t("unit.tok", { n: trace.total_tokens })} ·{" "}
                      {fmt.cost(trace.cost_usd)}
                    </span>
                    {trace.scores.map((score, index) => (
                      <ScoreChip key={index} score={score} />
                    ))}
                  </div>
                </li>
              ))}
            </ol>
          </>
        }
      >
        {session.turns.length === 0 ? (
          <Empty icon="sessions" title={t("transcript.none")}>
            <p>{t("transcript.noneText")}</p>
          </Empty>
        ) : (
          <TurnList
            turns={session.turns}
            truncated={session.truncated}
            selected=""
            onSelect={(turn) => {
              if (turn.trace_id)
                void navigate({
                  to: "/p/$project/traces/$traceId",
                  params: { project: project.id, traceId: turn.trace_id },
                  search: { span: turn.span_id },
                });
            }}
          />
        )}
      </SideSplit>
    </>
  );
}
