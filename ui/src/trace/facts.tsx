/** Usage, cost, timing, ids and settings of a span: numbers with their units. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { SpanDetail } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { Badge } from "../ui/marks.tsx";
import css from "./facts.module.css";
import { Section } from "./section.tsx";

type Row = [label: MessageKey, value: ReactNode, copy?: string];

function FactList({ rows }: { rows: Row[] }) {
  const { t } = useLocale();
  return (
    <dl className={css.facts}>
      {rows
        .filter(([, value]) => value !== "" && value !== null && value !== undefined)
        .map(([label, value, copy]) => (
          <div key={label}>
            <dt>{t(label)}</dt>
            <dd>
              <span>{value}</span>
              {copy && <CopyButton text={copy} label={t("ui.copy")} />}
            </dd>
          </div>
        ))}
    </dl>
  );
}

export function Facts({ project, span, selfMs }: { project: string; span: SpanDetail; selfMs: number | undefined }) {
  const { t, fmt } = useLocale();
  const end = new Date(Date.parse(span.start_time) + span.duration_ms).toISOString();
  const perSecond = tokensPerSecond(span);
  return (
    <>
      <Section title={t("facts.usage")}>
        <Usage span={span} />
      </Section>
      <Section title={t("facts.timing")}>
        <FactList
          rows={[
            ["facts.start", fmt.exact(span.start_time)],
            ["facts.end", fmt.exact(end)],
            ["facts.total", fmt.duration(span.duration_ms)],
            ["facts.self", selfMs === undefined ? "" : fmt.duration(selfMs)],
            ["facts.ttft", span.time_to_first_token_ms === null ? "" : fmt.duration(span.time_to_first_token_ms)],
            ["facts.speed", perSecond === null ? "" : `${perSecond.toFixed(1)} ${t("unit.perSecond")}`],
          ]}
        />
      </Section>
      {span.model !== "" && (
        <Section title={t("facts.model")}>
          <FactList
            rows={[
              ["col.model", span.model],
              ["facts.requested", span.request_model !== span.model ? span.request_model : ""],
              ["col.provider", span.provider],
              ["facts.finish", span.finish_reasons.join(", ")],
              ["col.prompt", span.prompt_name && `${span.prompt_name} ${span.prompt_version}`],
              ["facts.responseId", span.response_id, span.response_id],
            ]}
          />
          {span.model_parameters !== null && span.model_parameters !== "" && <JsonTree value={span.model_parameters} />}
        </Section>
      )}
      <Section title={t("facts.where")}>
        <FactList
          rows={[
            ["col.environment", span.environment],
            ["col.service", span.service_name],
            [
              "col.session",
              span.session_id && (
                <Link to="/p/$project/sessions/$sessionId" params={{ project, sessionId: span.session_id }}>
                  {span.session_id}
                </Link>
              ),
              span.session_id,
            ],
            ["col.user", span.user_id, span.user_id],
            ["facts.version", span.version],
            ["facts.release", span.release],
            ["col.tags", span.tags.length > 0 ? span.tags.map((tag) => <Badge key={tag}>{tag}</Badge>) : ""],
            ["col.traceId", <code key="t">{span.trace_id}</code>, span.trace_id],
            ["facts.spanId", <code key="s">{span.span_id}</code>, span.span_id],
            ["facts.parentId", span.parent_span_id && <code>{span.parent_span_id}</code>, span.parent_span_id],
            ["facts.dialects", span.dialects.join(", ")],
          ]}
        />
      </Section>
      {Object.keys(span.metadata).length > 0 && (
        <Section title={t("facts.metadata")}>
          <JsonTree value={span.metadata} />
        </Section>
      )}
    </>
  );
}

function tokensPerSecond(span: SpanDetail): number | null {
  const ms = span.duration_ms - (span.time_to_first_token_ms ?? 0);
  return span.kind === "llm" && span.output_tokens > 0 && ms > 0 ? span.output_tokens / (ms / 1000) : null;
}

function Usage({ span }: { span: SpanDetail }) {
  const { t, fmt } = useLocale();
  const buckets = Object.entries(span.usage);
  if (buckets.length === 0) return <p className={css.quiet}>{t("facts.noUsage")}</p>;
  const name = (bucket: string): string => {
    const key = `usage.${bucket}` as MessageKey;
    const known = t(key);
    return known === key ? bucket : known;
  };
  return (
    <>
      <table className={css.usage}>
        <thead>
          <tr>
            <th scope="col">{t("facts.bucket")}</th>
            <th scope="col">{t("facts.tokens")}</th>
            <th scope="col">{t("facts.cost")}</th>
          </tr>
        </thead>
        <tbody>
          {buckets.map(([bucket, tokens]) => (
            <tr key={bucket}>
              <th scope="row">{name(bucket)}</th>
              <td>{fmt.count(tokens)}</td>
              <td>{span.cost[bucket] === undefined ? "–" : fmt.cost(span.cost[bucket])}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{t("facts.sum")}</th>
            <td>{fmt.count(span.total_tokens)}</td>
            <td>{span.cost_usd === null ? t("facts.unpriced") : fmt.cost(span.cost_usd)}</td>
          </tr>
        </tfoot>
      </table>
      {span.price_id && (
        <p className={css.quiet}>
          {t("facts.price")} <code>{span.price_id}</code>
        </p>
      )}
    </>
  );
}
