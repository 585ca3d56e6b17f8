/** The canaries of a route, under its graph: where each stands, what its guards say, how it came there, what to do. */
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useProject } from "../access/project.tsx";
import { Button } from "../ui/button.tsx";
import { Badge } from "../ui/marks.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { type Canary, type CanaryAct, canariesQuery } from "./canaries-api.ts";
import css from "./canary.module.css";
import { CanaryDialog } from "./canary-dialog.tsx";
import { GuardTable } from "./canary-guards.tsx";
import { CanaryHistory } from "./canary-history.tsx";
import { percent } from "./numbers.ts";
import type { Route } from "./routes-model.ts";
import { useGateway } from "./text/index.ts";

const TONES = { waiting: undefined, running: "accent", rolled_back: "error", finished: "ok" } as const;

export function RouteCanaries({ route }: { route: Route }) {
  const { g } = useGateway();
  const drafted = route.steps.some((step) => step.split?.canary);
  const canaries = useQuery({ ...canariesQuery, enabled: drafted });
  if (!drafted) return null;
  const shown = canaries.data?.items.filter((canary) => canary.route === route.name) ?? [];
  return (
    <section className={css.canaries} aria-label={g("canary.list")} tabIndex={0}>
      {canaries.error && <ErrorPanel error={canaries.error} retry={() => void canaries.refetch()} />}
      {canaries.data && shown.length === 0 && <p className={css.quiet}>{g("canary.unsaved")}</p>}
      {shown.map((canary) => (
        <CanaryPanel key={canary.id} canary={canary} />
      ))}
    </section>
  );
}

function CanaryPanel({ canary }: { canary: Canary }) {
  const { g } = useGateway();
  const id = useId();
  return (
    <article className={css.canary} aria-labelledby={id}>
      <header className={css.head}>
        <h2 id={id}>{g("canary.title", { arm: canary.arm })}</h2>
        <Badge tone={TONES[canary.phase]}>{g(`canaryPhase.${canary.phase}`)}</Badge>
        <Standing canary={canary} />
        <Acts canary={canary} />
      </header>
      <Steps canary={canary} />
      {canary.phase === "running" && (
        <>
          <GuardTable canary={canary} />
          <p className={css.quiet}>{g("canary.rule", { level: percent(canary.level) })}</p>
        </>
      )}
      <CanaryHistory canary={canary} />
    </article>
  );
}

/** The sentence that says how it is going. */
function Standing({ canary }: { canary: Canary }) {
  const { g, fmt } = useGateway();
  if (canary.phase === "waiting") return <span className={css.quiet}>{g("canary.waitingText")}</span>;
  const calls = (arm: Canary["canary"]) => g("canary.calls", { failed: arm.errors, n: arm.calls });
  return (
    <span className={css.standing}>
      <strong>{g("canary.gets", { share: percent(canary.share) })}</strong>
      <span className={css.quiet} title={fmt.dateTime(canary.since)}>
        {fmt.ago(canary.since)}
      </span>
      {canary.phase === "running" && (
        <span className={css.quiet}>
          {canary.arm}: {calls(canary.canary)} · {canary.stable_arms.join(", ")}: {calls(canary.stable)}
        </span>
      )}
    </span>
  );
}

function Steps({ canary }: { canary: Canary }) {
  const { g } = useGateway();
  const place = (at: number) => {
    if (canary.phase === "finished" || (canary.phase !== "waiting" && at < canary.step)) return "done";
    if (at > canary.step || canary.phase === "waiting") return "ahead";
    return canary.phase === "rolled_back" ? "failed" : "now";
  };
  return (
    <ol className={css.steps} aria-label={g("canary.steps")}>
      {canary.steps.map((step, at) => (
        <li key={step} data-place={place(at)} aria-current={place(at) === "now" ? "step" : undefined}>
          {percent(step / 100)}
          <span className="visually-hidden"> {g(`canaryPlace.${place(at)}`)}</span>
        </li>
      ))}
    </ol>
  );
}

function Acts({ canary }: { canary: Canary }) {
  const { g } = useGateway();
  const { can } = useProject();
  const [act, setAct] = useState<CanaryAct | null>(null);
  if (!can("gateway:manage") || canary.phase === "waiting") return null;
  const next = canary.steps[canary.step + 1];
  const running = canary.phase === "running";
  return (
    <div className={css.acts}>
      {running && next !== undefined && (
        <Button icon="up" onClick={() => setAct("promote")}>
          {g("canary.promoteTo", { share: percent(next / 100) })}
        </Button>
      )}
      {running && <Button onClick={() => setAct("finish")}>{g("canary.finish")}</Button>}
      {canary.phase !== "rolled_back" && (
        <Button variant="danger" onClick={() => setAct("rollback")}>
          {g("canary.rollback")}
        </Button>
      )}
      {!(running && canary.step === 0) && <Button onClick={() => setAct("restart")}>{g("canary.restart")}</Button>}
      {act && <CanaryDialog canary={canary} act={act} onClose={() => setAct(null)} />}
    </div>
  );
}
