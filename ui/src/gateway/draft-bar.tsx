/** The line under a screen's head while the configuration is edited: what changed, what is wrong, undo, save. */
import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { ErrorLine } from "../ui/state.tsx";
import type { ConfigProblem } from "./api.ts";
import type { DraftView } from "./draft.ts";
import css from "./gateway.module.css";
import { countChanges, diffLines } from "./line-diff.ts";
import { SaveDialog } from "./save-dialog.tsx";
import { useGateway } from "./text/index.ts";

export interface Validation {
  problem: ConfigProblem | null;
  waiting: boolean;
  error: unknown;
}

export function DraftBar(props: {
  draft: DraftView;
  validation: Validation;
  mayChange: boolean;
  onShowLine?: (line: number) => void;
}) {
  const { g } = useGateway();
  const [saving, setSaving] = useState(false);
  const { draft, validation } = props;
  if (!draft.changed) return <FileProblem draft={draft} />;
  const { added, removed } = countChanges(diffLines(draft.base, draft.text));
  return (
    <>
      <div className={css.bar} role="status" data-tone={validation.problem ? "error" : undefined}>
        <span>
          {g("draft.changed")} <span className={css.added}>+{added}</span>{" "}
          <span className={css.removed}>−{removed}</span>
        </span>
        <span className={css.grow}>
          {validation.waiting && <span className={css.quiet}>{g("draft.checking")}</span>}
          {validation.error != null && <ErrorLine error={validation.error} />}
          {validation.problem && <ProblemLine problem={validation.problem} onShowLine={props.onShowLine} />}
          {!validation.waiting && !validation.problem && validation.error == null && (
            <span className={css.added}>✓ {g("draft.valid")}</span>
          )}
        </span>
        <Button disabled={!draft.canUndo} onClick={draft.undo}>
          {g("draft.undo")}
        </Button>
        <Button onClick={draft.discard}>{g("draft.discard")}</Button>
        <Button
          variant="primary"
          disabled={!props.mayChange || validation.problem !== null || validation.waiting}
          onClick={() => setSaving(true)}
        >
          {g("draft.save")}
        </Button>
      </div>
      {draft.behind && (
        <div className={css.bar} data-tone="warn">
          <Icon name="warning" size={14} /> {g("draft.behind")}
        </div>
      )}
      {saving && <SaveDialog draft={draft} onClose={() => setSaving(false)} />}
    </>
  );
}

export function ProblemLine(props: { problem: ConfigProblem; onShowLine?: ((line: number) => void) | undefined }) {
  const { g } = useGateway();
  const { problem } = props;
  const place = problem.line !== null ? g("problem.line", { n: String(problem.line) }) : "";
  return (
    <span className={css.problem}>
      {problem.line !== null && props.onShowLine ? (
        <Button variant="ghost" onClick={() => props.onShowLine?.(problem.line!)}>
          {place}
        </Button>
      ) : (
        place
      )}{" "}
      {problem.path && <code>{problem.path}</code>} <span lang="en">{problem.message}</span>{" "}
      {problem.hint && <span lang="en">{problem.hint}</span>}
    </span>
  );
}

/** The file on disk isn't valid: the gateway goes on with the last one that was. */
function FileProblem({ draft }: { draft: DraftView }) {
  const { g } = useGateway();
  const problem = draft.config?.problem;
  if (!problem) return null;
  return (
    <div className={css.bar} data-tone="error" role="alert">
      <Icon name="warning" size={14} />
      <span className={css.grow}>
        {g("draft.fileBroken", { version: draft.config?.version ?? "" })} <ProblemLine problem={problem} />
      </span>
    </div>
  );
}
