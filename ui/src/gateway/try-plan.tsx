/** Which way a request would go and why, explained by the gateway without calling anybody; follows the form. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useProject } from "../access/project.tsx";
import { Badge } from "../ui/marks.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { type PlanExplanation, type PlannedTarget, planQuery } from "./api.ts";
import { BreakerMark } from "./breaker.tsx";
import { type ChatRequest, requestBody } from "./chat-call.ts";
import { useDraft } from "./draft.ts";
import gateway from "./gateway.module.css";
import { percent } from "./numbers.ts";
import type { BreakerState } from "./stats.ts";
import { useGateway } from "./text/index.ts";
import css from "./try.module.css";

const TYPING_MS = 400;

export function TryPlan({ request }: { request: ChatRequest }) {
  const { g } = useGateway();
  const { project, can } = useProject();
  const draft = useDraft();
  const [asked, setAsked] = useState("");
  const body = JSON.stringify(requestBody(request));
  useEffect(() => {
    const timer = setTimeout(() => setAsked(body), TYPING_MS);
    return () => clearTimeout(timer);
  }, [body]);
  const underDraft = draft.changed && can("gateway:manage");
  const plan = useQuery({
    ...planQuery(
      project.id,
      asked === "" ? {} : (JSON.parse(asked) as Record<string, unknown>),
      underDraft ? draft.text : null,
    ),
    enabled: asked !== "" && request.model !== "",
    placeholderData: keepPreviousData,
  });
  if (request.model === "") return null;
  return (
    <section className={css.plan} aria-labelledby="gateway-plan">
      <h2 id="gateway-plan">{g("plan.title")}</h2>
      {underDraft && <p className={css.quiet}>{g("plan.underDraft")}</p>}
      {plan.error && <ErrorPanel error={plan.error} />}
      {!plan.error && plan.data && <Explanation plan={plan.data} />}
    </section>
  );
}

function Explanation({ plan }: { plan: PlanExplanation }) {
  const { g, fmt } = useGateway();
  return (
    <>
      {plan.refused && (
        <p className={gateway.problem} lang="en">
          {g("plan.refused", { why: plan.refused })}
        </p>
      )}
      <p className={css.quiet}>
        {g(`resolved.${plan.resolved_by}`)} ·{" "}
        {g("plan.tokens", {
          input: fmt.count(plan.tokens.input_tokens),
          output: fmt.count(plan.tokens.output_tokens),
        })}
      </p>
      {plan.steps.some((step) => step.when !== "") && (
        <ol>
          {plan.steps.map((step) => (
            <li key={step.index} value={step.index + 1}>
              <code>{step.when || g("graph.otherwise")}</code>{" "}
              <Badge tone={step.holds ? "ok" : undefined}>
                {step.holds === null ? g("plan.notReached") : g(step.holds ? "plan.holds" : "plan.holdsNot")}
              </Badge>
            </li>
          ))}
        </ol>
      )}
      {plan.split && <SplitLine split={plan.split} />}
      <h3>{g("plan.targets")}</h3>
      <ol>
        {plan.targets.map((target, at) => (
          <TargetLine key={`${at} ${target.name}`} target={target} />
        ))}
      </ol>
      <h3>{g("plan.limits")}</h3>
      {plan.limits.length === 0 ? (
        <p className={css.quiet}>{g("plan.none")}</p>
      ) : (
        <ul>
          {plan.limits.map((limit) => (
            <li key={`${limit.kind} ${limit.name}`}>
              {limit.name}{" "}
              <span className={css.quiet}>
                {limit.remaining === null
                  ? limit.limit
                  : g("plan.remaining", { remaining: limit.remaining, limit: limit.limit })}
              </span>{" "}
              {limit.would_refuse && <Badge tone="error">{g("plan.wouldRefuse")}</Badge>}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function SplitLine({ split }: { split: NonNullable<PlanExplanation["split"]> }) {
  const { g } = useGateway();
  return (
    <p>
      {g("plan.arm", { arm: split.arm, share: percent(split.propensity) })}{" "}
      <span className={css.quiet}>
        {split.bucket === null
          ? g("plan.drawn")
          : g("plan.bucket", { n: split.bucket, sticky: g(`sticky.${split.sticky}`), value: split.value })}
      </span>
      {split.canary && split.canary.phase !== "unknown" && (
        <>
          <br />
          {g("canary.title", { arm: split.canary.arm })} <Badge>{g(`canaryPhase.${split.canary.phase}`)}</Badge>{" "}
          {g("canary.gets", { share: percent(split.canary.share) })}
        </>
      )}
    </p>
  );
}

const STATES: readonly string[] = ["closed", "cooling", "open", "half_open", "ramping"] satisfies BreakerState[];

function TargetLine({ target }: { target: PlannedTarget }) {
  const { g, fmt } = useGateway();
  const state = target.keys.find((key) => STATES.includes(key.state))?.state as BreakerState | undefined;
  return (
    <li>
      <strong>{target.name}</strong>{" "}
      <span className={css.quiet}>
        {[
          g(
            target.role === "primary"
              ? "node.target"
              : target.role === "mirror"
                ? "node.mirror"
                : `fallback.${target.role}`,
          ),
          target.wire === "translated" ? g("plan.translated", { format: target.upstream_format }) : null,
          target.wire === "passed" ? g("plan.passed") : null,
          target.estimated_cost_usd !== null ? g("plan.cost", { cost: fmt.cost(target.estimated_cost_usd) }) : null,
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>{" "}
      {state && <BreakerMark state={state} />}
      {!target.allowed && <Badge tone="error">{g("plan.allowed")}</Badge>}
      {target.problem && (
        <div className={gateway.problem} lang="en">
          {target.problem}
        </div>
      )}
      {target.warnings.length > 0 && (
        <div className={css.quiet}>{g("plan.lossy", { warnings: target.warnings.join("; ") })}</div>
      )}
    </li>
  );
}
