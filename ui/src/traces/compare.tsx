/** Compare: two to six spans side by side, the facts that differ marked by a sign and a word. */
import { useQueries } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import type { SpanDetail } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { payloadUrl, spanDetailQuery } from "../trace/api.ts";
import { editableText } from "../trace/messages.ts";
import { PayloadView } from "../trace/payload.tsx";
import { KindLabel, ScoreChip, StatusMark } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import css from "./compare.module.css";
import { Delta, TextDiff } from "./difference.tsx";
import { splitPick } from "./url.ts";

const MOST = 6;

export default function CompareScreen() {
  const { t } = useLocale();
  const { project } = useProject();
  const ids = useSearch({ strict: false, select: (search) => (search as { ids?: string }).ids ?? "" });
  const picks = ids.split(",").filter(Boolean).slice(0, MOST).map(decodeURIComponent).map(splitPick);
  const spans = useQueries({ queries: picks.map((pick) => spanDetailQuery(project.id, pick.traceId, pick.spanId)) });
  const first = spans[0]?.data;
  return (
    <>
      <PageHead title={t("compare.title", { n: picks.length })} />
      {picks.length < 2 ? (
        <Empty icon="compare" title={t("compare.none")}>
          <p>{t("compare.noneText")}</p>
          <Link to="/p/$project/traces" params={{ project: project.id }}>
            {t("nav.traces")}
          </Link>
        </Empty>
      ) : (
        <div className={css.columns} tabIndex={0} role="region" aria-label={t("compare.title", { n: picks.length })}>
          {spans.map((span, index) => (
            <section key={index} className={css.column} aria-label={t("compare.column", { n: index + 1 })}>
              {span.isError ? (
                <ErrorPanel error={span.error} />
              ) : span.data === undefined ? (
                <Loading />
              ) : (
                <Column project={project.id} span={span.data} base={index > 0 ? first : undefined} index={index} />
              )}
            </section>
          ))}
        </div>
      )}
    </>
  );
}

const money = (span: SpanDetail): number | null => (span.cost_usd === null ? null : Number(span.cost_usd));

function Column(props: { project: string; span: SpanDetail; base: SpanDetail | undefined; index: number }) {
  const { t, fmt } = useLocale();
  const { span, base, project } = props;
  const facts: [string, string, number | null, number | null][] = [
    [t("col.duration"), fmt.duration(span.duration_ms), span.duration_ms, base?.duration_ms ?? null],
    [t("col.tokens"), fmt.count(span.total_tokens), span.total_tokens, base?.total_tokens ?? null],
    [t("col.cost"), fmt.cost(span.cost_usd), money(span), base ? money(base) : null],
  ];
  return (
    <>
      <header className={css.head}>
        <span className={css.letter}>{String.fromCharCode(65 + props.index)}</span>
        <KindLabel kind={span.kind} />
        <h2 className={css.name}>
          <Link
            to="/p/$project/traces/$traceId"
            params={{ project, traceId: span.trace_id }}
            search={{ span: span.span_id }}
          >
            {span.name}
          </Link>
        </h2>
        <StatusMark status={span.status} />
      </header>
      <dl className={css.facts}>
        <div>
          <dt>{t("col.model")}</dt>
          <dd>
            {span.model || "–"} {base && base.model !== span.model && <em>{t("compare.differs")}</em>}
          </dd>
        </div>
        {facts.map(([label, shown, value, reference]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {shown} <Delta value={value} reference={reference} />
            </dd>
          </div>
        ))}
        <div>
          <dt>{t("col.scores")}</dt>
          <dd className={css.scores}>
            {span.scores.length === 0 ? "–" : span.scores.map((score) => <ScoreChip key={score.id} score={score} />)}
          </dd>
        </div>
      </dl>
      <PayloadView
        title={t("detail.input")}
        payload={span.input}
        messages={span.input_messages}
        download={payloadUrl(project, span.trace_id, span.span_id, "input")}
      />
      {base && (
        <>
          <TextDiff
            title={t("compare.inputDiff")}
            before={editableText(base.input, base.input_messages)}
            after={editableText(span.input, span.input_messages)}
          />
          <TextDiff
            title={t("compare.diff")}
            before={editableText(base.output, base.output_messages)}
            after={editableText(span.output, span.output_messages)}
          />
        </>
      )}
      <PayloadView
        title={t("detail.output")}
        payload={span.output}
        messages={span.output_messages}
        download={payloadUrl(project, span.trace_id, span.span_id, "output")}
      />
    </>
  );
}
