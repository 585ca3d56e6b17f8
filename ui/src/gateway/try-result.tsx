/** What a tried call answered and which way it went; tokens and cost come from its trace when that has arrived. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useProject } from "../access/project.tsx";
import { skeletonQuery } from "../trace/api.ts";
import { Badge } from "../ui/marks.tsx";
import type { CallState } from "./chat-call.ts";
import { type GatewayKey, type Say, useGateway } from "./text/index.ts";
import css from "./try.module.css";
import { GuardDecisions } from "./try-guards.tsx";

export function TryResult({ call }: { call: CallState }) {
  const { g } = useGateway();
  return (
    <section className={css.result}>
      <h2>{g("try.answer")}</h2>
      <Phase call={call} />
      {call.error && (
        <div className={css.error} role="alert">
          <strong>{g("try.failed", { status: call.status || "–" })}</strong> <span lang="en">{call.error.message}</span>{" "}
          {call.error.code && <code>{call.error.code}</code>} {call.error.param && <code>{call.error.param}</code>}
        </div>
      )}
      {(call.text !== "" || call.reasoning !== "" || call.error === null) && (
        <div className={css.answer} tabIndex={0} role="region" aria-label={g("try.answer")}>
          {call.reasoning && <p className={css.reasoning}>{call.reasoning}</p>}
          {call.text}
        </div>
      )}
      {call.status > 0 && <Facts call={call} />}
    </section>
  );
}

/** Explicit: sent and waiting, streaming, done, stopped. The clock runs while the call does. */
function Phase({ call }: { call: CallState }) {
  const { g, fmt } = useGateway();
  const [begun] = useState(() => performance.now());
  const [now, setNow] = useState(begun);
  const running = call.phase === "waiting" || call.phase === "streaming";
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(performance.now()), 200);
    return () => clearInterval(timer);
  }, [running]);
  const elapsed = call.durationMs ?? now - begun;
  return (
    <p className={css.state} role="status">
      <Badge tone={call.phase === "done" ? "ok" : call.phase === "failed" ? "error" : undefined}>
        {g(`phase.${call.phase}`)}
      </Badge>
      <span aria-hidden={running || undefined}>{fmt.duration(Math.max(1, elapsed))}</span>
      {call.firstTokenMs !== null && <span>{g("try.firstToken", { time: fmt.duration(call.firstTokenMs) })}</span>}
      {call.text !== "" && <span>{g("try.chars", { n: call.text.length })}</span>}
    </p>
  );
}

const TRIES = 15;

/** The trace reaches the store about a second after the call. */
function useTrace(id: string, settled: boolean) {
  const { project, can } = useProject();
  return useQuery({
    ...skeletonQuery(project.id, id),
    enabled: settled && id !== "" && can("traces:read"),
    retry: TRIES,
    retryDelay: 700,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function Facts({ call }: { call: CallState }) {
  const { g, fmt } = useGateway();
  const { project } = useProject();
  const { headers, usage } = call;
  const traceId = headers["x-kaname-trace-id"] ?? "";
  const settled = call.phase === "done" || call.phase === "failed";
  const trace = useTrace(traceId, settled);
  const said: [string, string | undefined][] = [
    [g("try.target"), headers["x-kaname-target"] && decodeURIComponent(headers["x-kaname-target"])],
    [g("try.attempts"), headers["x-kaname-attempts"]],
    [g("cache.title"), cacheOutcome(headers, g)],
    [g("try.finish"), call.finish],
    [g("try.limitedBy"), headers["x-kaname-limited-by"]],
    [g("try.warnings"), headers["x-kaname-warnings"]],
    [g("try.upstreamStatus"), headers["x-kaname-upstream-status"]],
    [g("try.remaining"), remaining(headers)],
  ];
  return (
    <>
      <dl className={css.facts}>
        {said.map(
          ([name, value]) =>
            value && (
              <div key={name} style={{ display: "contents" }}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
        {usage && (
          <>
            <dt>{g("try.tokens")}</dt>
            <dd>
              {g("try.tokensOf", { input: usage.prompt_tokens ?? 0, output: usage.completion_tokens ?? 0 })}
              {usage.prompt_tokens_details?.cached_tokens
                ? ` ${g("try.cached", { n: usage.prompt_tokens_details.cached_tokens })}`
                : ""}
            </dd>
          </>
        )}
        {settled && (
          <>
            <dt>{g("usage.cost")}</dt>
            <dd>
              {trace.data
                ? trace.data.cost_usd === null
                  ? g("targets.unpriced")
                  : fmt.cost(trace.data.cost_usd)
                : trace.isPending && trace.fetchStatus !== "idle"
                  ? g("try.pricing")
                  : "–"}
            </dd>
          </>
        )}
        {traceId !== "" && (
          <>
            <dt>{g("try.trace")}</dt>
            <dd>
              <Link to="/p/$project/traces/$traceId" params={{ project: project.id, traceId }}>
                <code>{traceId}</code>
              </Link>
            </dd>
          </>
        )}
      </dl>
      {trace.data && <GuardDecisions trace={trace.data} />}
    </>
  );
}

const OUTCOMES: Record<string, GatewayKey> = {
  hit: "try.cache.hit",
  miss: "try.cache.miss",
  bypass: "try.cache.bypass",
};

/** Whether the answer was given before, and to how similar a question. */
function cacheOutcome(headers: Record<string, string>, g: Say): string | undefined {
  const said = headers["x-kaname-cache"];
  const similarity = headers["x-kaname-cache-similarity"];
  if (!said) return undefined;
  const key = OUTCOMES[said];
  return [key ? g(key) : said, similarity ? g("try.cacheSimilar", { similarity }) : ""].filter(Boolean).join(" · ");
}

function remaining(headers: Record<string, string>): string | undefined {
  const parts = (["requests", "tokens"] as const).flatMap((kind) => {
    const left = headers[`x-ratelimit-remaining-${kind}`];
    return left === undefined ? [] : [`${left} / ${headers[`x-ratelimit-limit-${kind}`] ?? "–"} ${kind}`];
  });
  return parts.length > 0 ? parts.join(" · ") : undefined;
}
