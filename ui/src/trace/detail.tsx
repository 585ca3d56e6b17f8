/** The detail of one span: what it is, its content, its facts, how it was judged, everything it carried. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { Json, SpanDetail, SpanEvent } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { Badge, KindLabel, StatusMark } from "../ui/marks.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { TabPanel, Tabs } from "../ui/tabs.tsx";
import { payloadUrl, spanDetailQuery } from "./api.ts";
import { CodeMenu } from "./code-menu.tsx";
import css from "./detail.module.css";
import { Facts } from "./facts.tsx";
import { PayloadView } from "./payload.tsx";
import { ScoreBar, ScoreList } from "./scoring.tsx";
import { Section } from "./section.tsx";
import { DETAIL_VIEWS, type DetailView } from "./url.ts";

export function SpanDetailPane(props: {
  project: string;
  traceId: string;
  spanId: string;
  /** About when the trace was: spares the server a look through all time. */
  at?: string | undefined;
  selfMs?: number | undefined;
}) {
  const { project, traceId, spanId, at } = props;
  const detail = useQuery(spanDetailQuery(project, traceId, spanId, at));
  if (detail.isError) return <ErrorPanel error={detail.error} retry={() => void detail.refetch()} />;
  if (detail.isPending) return <Loading />;
  return <Detail {...props} span={detail.data} />;
}

function Detail({ project, span, selfMs }: { project: string; span: SpanDetail; selfMs?: number | undefined }) {
  const { t, fmt } = useLocale();
  const navigate = useNavigate();
  const view = useSearch({ strict: false, select: (s) => (s as { view?: DetailView }).view ?? "content" });
  const setView = (next: DetailView) =>
    void navigate({
      to: ".",
      search: ((old: object) => ({ ...old, view: next === "content" ? undefined : next })) as never,
      replace: true,
    });
  const counts: Partial<Record<DetailView, number>> = {
    scores: span.scores.length,
    attributes: Object.keys(span.attributes).length,
    events: span.events.length + span.links.length + span.log_records.length,
  };
  return (
    <article className={css.detail} aria-label={t("detail.label")}>
      <header className={css.head}>
        <div className={css.title}>
          <KindLabel kind={span.kind} />
          <h2 title={span.name}>{span.name}</h2>
          <StatusMark status={span.status} />
        </div>
        <div className={css.line}>
          <span>{fmt.duration(span.duration_ms)}</span>
          {selfMs !== undefined && (
            <span className={css.quiet}>{t("detail.self", { time: fmt.duration(selfMs) })}</span>
          )}
          {span.total_tokens > 0 && <span>{t("unit.tokens", { n: span.total_tokens })}</span>}
          {span.cost_usd !== null && <span>{fmt.cost(span.cost_usd)}</span>}
          {span.model && <span>{span.model}</span>}
          <span className={css.tools}>
            <CopyButton text={span.span_id} label={t("detail.copySpanId")} />
            <CodeMenu project={project} span={span} />
          </span>
        </div>
        {span.status_message && <p className={css.error}>{span.status_message}</p>}
        {span.flags.length > 0 && (
          <div className={css.flags}>
            {span.flags.map((flag) => (
              <Badge key={flag} tone="warn">
                {flag}
              </Badge>
            ))}
          </div>
        )}
      </header>
      <Tabs
        id="detail"
        label={t("detail.views")}
        value={view}
        tabs={DETAIL_VIEWS.map((value) => ({ value, label: t(`detail.${value}`), count: counts[value] }))}
        onChange={setView}
      />
      <TabPanel id="detail" value={view} className={css.panel}>
        {view === "content" && <Content project={project} span={span} />}
        {view === "facts" && <Facts project={project} span={span} selfMs={selfMs} />}
        {view === "scores" && <ScoreList project={project} span={span} />}
        {view === "attributes" && <Attributes span={span} />}
        {view === "events" && <Events project={project} span={span} />}
      </TabPanel>
      <ScoreBar project={project} span={span} />
    </article>
  );
}

function Content({ project, span }: { project: string; span: SpanDetail }) {
  const { t } = useLocale();
  const url = (field: "input" | "output") => payloadUrl(project, span.trace_id, span.span_id, field);
  return (
    <>
      <PayloadView
        title={t("detail.input")}
        payload={span.input}
        messages={span.input_messages}
        download={url("input")}
      />
      <PayloadView
        title={t("detail.output")}
        payload={span.output}
        messages={span.output_messages}
        download={url("output")}
      />
      {isFull(span.documents) && (
        <Section title={t("detail.documents")}>
          <Documents value={span.documents} />
        </Section>
      )}
      {isFull(span.tool_definitions) && (
        <Section title={t("detail.tools")}>
          <JsonTree value={span.tool_definitions} open={1} />
        </Section>
      )}
    </>
  );
}

const isFull = (value: Json): boolean =>
  value !== null && value !== "" && !(typeof value === "object" && Object.keys(value).length === 0);

function Documents({ value }: { value: Json }) {
  const { t } = useLocale();
  if (!Array.isArray(value)) return <JsonTree value={value} />;
  return (
    <ol className={css.documents}>
      {value.map((item, index) => {
        const doc = (item ?? {}) as { id?: Json; score?: Json; content?: Json; metadata?: Json };
        return (
          <li key={index}>
            <div className={css.line}>
              <strong>{String(doc.id ?? index + 1)}</strong>
              {doc.score != null && (
                <span className={css.quiet}>{t("detail.docScore", { score: Number(doc.score).toFixed(3) })}</span>
              )}
            </div>
            <p className={css.docText}>{String(doc.content ?? "").slice(0, 1200)}</p>
            {doc.metadata != null && isFull(doc.metadata) && <JsonTree value={doc.metadata} open={0} />}
          </li>
        );
      })}
    </ol>
  );
}

function Attributes({ span }: { span: SpanDetail }) {
  const { t } = useLocale();
  return (
    <>
      <Section title={t("detail.attributes")}>
        <JsonTree value={span.attributes} />
      </Section>
      <Section title={t("detail.resource")}>
        <JsonTree value={span.resource} />
      </Section>
      <Section title={t("detail.scope")}>
        <p>
          {span.scope_name || "–"} {span.scope_version}
        </p>
      </Section>
    </>
  );
}

function EventItem({ event }: { event: SpanEvent }) {
  const { fmt } = useLocale();
  return (
    <li>
      <div className={css.line}>
        <strong>{event.name || "–"}</strong>
        <span className={css.quiet}>{fmt.exact(event.time)}</span>
      </div>
      {event.body !== undefined && event.body !== null && <JsonTree value={event.body} />}
      <JsonTree value={event.attributes} />
    </li>
  );
}

function Events({ project, span }: { project: string; span: SpanDetail }) {
  const { t } = useLocale();
  if (span.events.length + span.links.length + span.log_records.length === 0)
    return <p className={css.none}>{t("detail.noEvents")}</p>;
  const list = (title: string, events: SpanEvent[]) =>
    events.length > 0 && (
      <Section title={title}>
        <ol className={css.documents}>
          {events.map((event, index) => (
            <EventItem key={index} event={event} />
          ))}
        </ol>
      </Section>
    );
  return (
    <>
      {list(t("detail.eventList"), span.events)}
      {list(t("detail.logs"), span.log_records)}
      {span.links.length > 0 && (
        <Section title={t("detail.links")}>
          <ul className={css.documents}>
            {span.links.map((link) => (
              <li key={`${link.trace_id}${link.span_id}`}>
                <Link
                  to="/p/$project/traces/$traceId"
                  params={{ project, traceId: link.trace_id }}
                  search={{ span: link.span_id }}
                >
                  <code>
                    {link.trace_id} · {link.span_id}
                  </code>
                </Link>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}
