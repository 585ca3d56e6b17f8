/** Inspector of where calls go: a target, a fallback, a mirror. */
import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { NumberField } from "./draft-field.tsx";
import css from "./inspector.module.css";
import type { PanelProps } from "./inspector.tsx";
import { addFallback, removeAt, setMirror, setTarget, setTargetWeight } from "./routes-edit.ts";
import { TargetInput } from "./target-input.tsx";
import { useGateway } from "./text/index.ts";

const isTarget = (text: string): boolean => /^[^/]+\/.+/.test(text.trim());

/** `provider/model` is taken over when it is whole and the field is left, so that half a name isn't validated. */
function UseField(props: { value: string; providers: string[]; onChange: (use: string) => void }) {
  const { g } = useGateway();
  const [typed, setTyped] = useState(props.value);
  const take = () => {
    if (isTarget(typed) && typed.trim() !== props.value) props.onChange(typed.trim());
  };
  return (
    <Field
      label={g("node.target")}
      hint={g("target.hint", { providers: props.providers.join(", ") })}
      error={isTarget(typed) ? undefined : g("target.wrong")}
    >
      <TargetInput
        providers={props.providers}
        value={typed}
        onChange={setTyped}
        onBlur={take}
        onKeyDown={(event) => event.key === "Enter" && !event.nativeEvent.isComposing && take()}
      />
    </Field>
  );
}

export function TargetPanel({ route, node, draft, providers, onSelect }: PanelProps) {
  const { g } = useGateway();
  const step = route.steps[node.step];
  if (!node.target || !step) return null;
  const { path } = node.target;
  const siblings = node.fallback
    ? step.fallbacks[node.fallback]
    : (step.arms.find((arm) => arm.name === node.arm)?.targets ?? []);
  const last = !node.fallback && siblings.length < 2;
  return (
    <>
      <UseField
        value={node.label}
        providers={providers}
        onChange={(use) => draft.edit(setTarget(draft.text, path, use), path.join("."))}
      />
      {!node.fallback && siblings.length > 1 && (
        <NumberField
          label={g("target.weight")}
          hint={g("target.weightHint")}
          value={node.weight}
          min={0.001}
          max={1_000_000}
          onChange={(weight) => draft.edit(setTargetWeight(draft.text, path, weight), `${path.join(".")}.weight`)}
        />
      )}
      {!node.fallback && (
        <AddFallback
          onAdd={(use) => draft.edit(addFallback(draft.text, step.path, "fallback", use))}
          providers={providers}
        />
      )}
      <div className={css.buttons}>
        <Button
          variant="danger"
          icon="trash"
          disabled={last}
          onClick={() => {
            onSelect("model");
            draft.edit(removeAt(draft.text, path));
          }}
        >
          {g(node.fallback ? "fallback.remove" : "target.remove")}
        </Button>
      </div>
      {last && <p className={css.note}>{g("target.last")}</p>}
    </>
  );
}

function AddFallback({ providers, onAdd }: { providers: string[]; onAdd: (use: string) => void }) {
  const { g } = useGateway();
  const [use, setUse] = useState("");
  return (
    <fieldset className={css.group}>
      <legend>{g("fallback.add")}</legend>
      <div className={css.row}>
        <Field label={g("fallback.to")}>
          <TargetInput providers={providers} value={use} onChange={setUse} />
        </Field>
        <Button
          icon="plus"
          disabled={!isTarget(use)}
          onClick={() => {
            onAdd(use.trim());
            setUse("");
          }}
        >
          {g("add")}
        </Button>
      </div>
    </fieldset>
  );
}

export function MirrorPanel({ route, node, draft, providers, onSelect }: PanelProps) {
  const { g } = useGateway();
  const step = route.steps[node.step];
  if (!step?.mirror) return null;
  const { mirror } = step;
  return (
    <>
      <p className={css.note}>{g("mirror.text")}</p>
      <UseField
        value={mirror.use}
        providers={providers}
        onChange={(use) => draft.edit(setTarget(draft.text, [...mirror.path, "use"], use))}
      />
      <NumberField
        label={g("mirror.sample")}
        hint={g("mirror.sampleHint")}
        value={mirror.sample}
        min={0}
        max={1}
        onChange={(sample) =>
          draft.edit(setMirror(draft.text, step.path, mirror.use, sample), `${mirror.path.join(".")}.sample`)
        }
      />
      <div className={css.buttons}>
        <Button
          variant="danger"
          icon="trash"
          onClick={() => {
            onSelect("model");
            draft.edit(removeAt(draft.text, mirror.path));
          }}
        >
          {g("mirror.remove")}
        </Button>
      </div>
    </>
  );
}
