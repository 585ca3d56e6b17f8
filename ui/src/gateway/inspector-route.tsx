/** Inspector of what routes: the alias, a step with its condition, an arm of a split. */
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { useProjectId } from "../access/project.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Checkbox, Field, Select, TextInput } from "../ui/field.tsx";
import { DurationField, isWithin, NumberField } from "./draft-field.tsx";
import { FALLBACKS, type FallbackKind } from "./fallbacks.ts";
import css from "./inspector.module.css";
import type { PanelProps } from "./inspector.tsx";
import { CachePanel } from "./inspector-cache.tsx";
import { GuardsPanel } from "./inspector-guards.tsx";
import { percent } from "./numbers.ts";
import {
  addArm,
  addFallback,
  addSplit,
  addStep,
  addTarget,
  expand,
  moveStep,
  removeArm,
  removeAt,
  setMirror,
  setValue,
} from "./routes-edit.ts";
import type { Step } from "./routes-model.ts";
import { TargetInput } from "./target-input.tsx";
import { useGateway } from "./text/index.ts";

const TIMEOUTS = { connect: "5s", ttft: "60s", stall: "30s", total: "600s" } as const;
const DEFAULT_RETRIES = 2;

export function ModelPanel(props: PanelProps) {
  const { g } = useGateway();
  const { route, draft } = props;
  const project = useProjectId();
  const [only] = route.steps;
  const set = (section: "timeouts" | "retry", key: string, value: string | number | boolean | null) => {
    const path = [...route.path, section, key];
    draft.edit(value === null ? removeAt(draft.text, path) : setValue(draft.text, path, value), path.join("."));
  };
  return (
    <>
      <fieldset className={css.group}>
        <legend>{g("model.timeouts")}</legend>
        <div className={css.pair}>
          {(Object.keys(TIMEOUTS) as (keyof typeof TIMEOUTS)[]).map((key) => (
            <DurationField
              key={key}
              label={g(`timeout.${key}`)}
              value={route.timeouts[key] ?? ""}
              usual={TIMEOUTS[key]}
              onChange={(value) => set("timeouts", key, value)}
            />
          ))}
        </div>
      </fieldset>
      <fieldset className={css.group}>
        <legend>{g("model.retry")}</legend>
        <div className={css.pair}>
          <NumberField
            label={g("retry.max")}
            value={Number(route.retry.max ?? DEFAULT_RETRIES)}
            min={0}
            max={10}
            onChange={(value) => set("retry", "max", Math.round(value))}
          />
          <DurationField
            label={g("retry.base")}
            value={route.retry.base ?? ""}
            usual="250ms"
            onChange={(value) => set("retry", "base", value)}
          />
          <DurationField
            label={g("retry.cap")}
            value={route.retry.cap ?? ""}
            usual="5s"
            onChange={(value) => set("retry", "cap", value)}
          />
        </div>
        <Checkbox
          label={g("retry.honor")}
          checked={route.retry.honor_retry_after !== "false"}
          onChange={(e) => set("retry", "honor_retry_after", e.target.checked)}
        />
      </fieldset>
      <CachePanel {...props} />
      <GuardsPanel {...props} />
      {only && route.steps.length === 1 && only.when === "" && <StepFields {...props} step={only} />}
      <NewStep {...props} />
      {route.sections.length > 0 && (
        <p className={css.note}>{g("model.sections", { names: route.sections.join(", ") })}</p>
      )}
      <div className={css.buttons}>
        <Link to="/p/$project/gateway/config" params={{ project }} search={{ line: route.line }}>
          {g("model.inYaml", { n: String(route.line) })}
        </Link>
      </div>
      <div className={css.buttons}>
        <Button variant="danger" icon="trash" onClick={() => draft.edit(removeAt(draft.text, route.path))}>
          {g("model.remove")}
        </Button>
      </div>
    </>
  );
}

/** A step in front: calls that a condition picks go elsewhere. */
function NewStep({ route, draft, providers }: PanelProps) {
  const { g } = useGateway();
  const [when, setWhen] = useState("");
  const [use, setUse] = useState("");
  const ready = when.trim() !== "" && /^[^/]+\/.+/.test(use.trim());
  return (
    <fieldset className={css.group}>
      <legend>{g("step.add")}</legend>
      <Field label={g("step.when")} hint={g("step.whenHint")}>
        <TextInput value={when} placeholder={'metadata.plan == "free"'} onChange={(e) => setWhen(e.target.value)} />
      </Field>
      <div className={css.row}>
        <Field label={g("node.target")}>
          <TargetInput providers={providers} value={use} onChange={setUse} />
        </Field>
        <Button
          icon="plus"
          disabled={!ready}
          onClick={() => {
            draft.edit(addStep(draft.text, route.name, when.trim(), use.trim()));
            setWhen("");
            setUse("");
          }}
        >
          {g("add")}
        </Button>
      </div>
    </fieldset>
  );
}

export function StepPanel(props: PanelProps) {
  const { g } = useGateway();
  const { draft, route, node } = props;
  const step = route.steps[node.step];
  if (!step) return null;
  const last = node.step === route.steps.length - 1;
  const setWhen = (text: string) => {
    const path = [...step.path, "when"];
    draft.edit(text.trim() === "" ? removeAt(draft.text, path) : setValue(draft.text, path, text), path.join("."));
  };
  return (
    <>
      <Field label={g("step.when")} hint={g("step.whenHint")}>
        <TextInput value={step.when} placeholder={g("graph.otherwise")} onChange={(e) => setWhen(e.target.value)} />
      </Field>
      <StepFields {...props} step={step} />
      <div className={css.buttons}>
        <Button icon="up" disabled={node.step === 0} onClick={() => draft.edit(moveStep(draft.text, step.path, -1))}>
          {g("step.up")}
        </Button>
        <Button icon="down" disabled={last} onClick={() => draft.edit(moveStep(draft.text, step.path, 1))}>
          {g("step.down")}
        </Button>
        <Button
          variant="danger"
          icon="trash"
          disabled={route.steps.length < 2}
          onClick={() => draft.edit(removeAt(draft.text, step.path))}
        >
          {g("step.remove")}
        </Button>
      </div>
    </>
  );
}

type AddKind = "target" | "split" | "mirror" | FallbackKind;

/** How a step shares out its calls, and what can be added to it. */
function StepFields(props: PanelProps & { step: Step }) {
  const { g } = useGateway();
  const { draft, route, step, providers } = props;
  const [kind, setKind] = useState<AddKind>("fallback");
  const [use, setUse] = useState("");
  const kinds: AddKind[] = [
    ...(step.split ? [] : (["target", "split"] as const)),
    ...FALLBACKS,
    ...(step.mirror ? [] : (["mirror"] as const)),
  ];
  const ready = /^[^/]+\/.+/.test(use.trim());
  const add = () => {
    // What a short route can't hold needs it written out.
    const source = route.short ? expand(draft.text, route.name) : draft.text;
    const path = route.short ? [...route.path, "route", 0] : step.path;
    const target = use.trim();
    if (kind === "target") draft.edit(addTarget(source, [...path, "targets"], target));
    else if (kind === "split") draft.edit(addSplit(source, path, target));
    else if (kind === "mirror") draft.edit(setMirror(source, path, target, 0.05));
    else draft.edit(addFallback(source, path, kind, target));
    setUse("");
  };
  return (
    <>
      {step.split && <Weights {...props} step={step} />}
      {!step.split && step.arms[0] && step.arms[0].targets.length > 1 && (
        <Field label={g("step.choose")} hint={g("step.chooseHint")}>
          <Select
            value={step.choose}
            onChange={(e) => draft.edit(setValue(draft.text, [...step.path, "choose"], e.target.value))}
          >
            {(["balanced", "cheapest", "fastest"] as const).map((value) => (
              <option key={value} value={value}>
                {g(`choose.${value}`)}
              </option>
            ))}
          </Select>
        </Field>
      )}
      <fieldset className={css.group}>
        <legend>{g("step.extend")}</legend>
        <Field label={g("step.extendWhat")} hint={g(`extend.${kind}Text`)}>
          <Select value={kind} onChange={(e) => setKind(e.target.value as AddKind)}>
            {kinds.map((value) => (
              <option key={value} value={value}>
                {g(`extend.${value}`)}
              </option>
            ))}
          </Select>
        </Field>
        <div className={css.row}>
          <Field label={g("node.target")}>
            <TargetInput providers={providers} value={use} onChange={setUse} />
          </Field>
          <Button icon="plus" disabled={!ready} onClick={add}>
            {g("add")}
          </Button>
        </div>
      </fieldset>
    </>
  );
}

export function ArmPanel(props: PanelProps) {
  const { g } = useGateway();
  const { route, node, draft, providers } = props;
  const step = route.steps[node.step];
  const [use, setUse] = useState("");
  if (!step?.split) return null;
  return (
    <>
      <Weights {...props} step={step} />
      <fieldset className={css.group}>
        <legend>{g("arm.addTarget", { name: node.arm })}</legend>
        <div className={css.row}>
          <Field label={g("node.target")}>
            <TargetInput providers={providers} value={use} onChange={setUse} />
          </Field>
          <Button
            icon="plus"
            disabled={!/^[^/]+\/.+/.test(use.trim())}
            onClick={() => {
              draft.edit(addTarget(draft.text, [...step.path, "targets", node.arm], use.trim()));
              setUse("");
            }}
          >
            {g("add")}
          </Button>
        </div>
      </fieldset>
    </>
  );
}

function Weights({ draft, step, providers }: PanelProps & { step: Step }) {
  const { g } = useGateway();
  const id = useId();
  // A canary's own weight isn't used: its steps say what it gets.
  const arms = step.arms.filter((arm) => arm.name !== step.split?.canary);
  const total = arms.reduce((sum, arm) => sum + arm.weight, 0);
  const [use, setUse] = useState("");
  const next = "abcdefghijklmnopqrstuvwxyz".split("").find((name) => step.arms.every((arm) => arm.name !== name)) ?? "";
  return (
    <>
      <fieldset className={css.group}>
        <legend>{g("split.weights")}</legend>
        <div className={css.shares} aria-hidden="true">
          {arms.map((arm) => (
            <span key={arm.name} style={{ width: `${total > 0 ? (100 * arm.weight) / total : 0}%` }} />
          ))}
        </div>
        <div className={css.weights}>
          {arms.map((arm) => (
            <WeightRow
              key={arm.name}
              id={`${id}-${arm.name}`}
              name={arm.name}
              weight={arm.weight}
              share={total > 0 ? arm.weight / total : 0}
              onChange={(weight) => {
                const path = [...step.path, "split", "arms", arm.name];
                draft.edit(setValue(draft.text, path, weight), path.join("."));
              }}
              onRemove={step.arms.length > 2 ? () => draft.edit(removeArm(draft.text, step.path, arm.name)) : undefined}
            />
          ))}
        </div>
        <p className={css.note}>{g("split.monotone")}</p>
      </fieldset>
      <Field label={g("split.sticky")} hint={g("split.stickyHint")}>
        <Select
          value={step.split?.sticky}
          onChange={(e) => draft.edit(setValue(draft.text, [...step.path, "split", "sticky"], e.target.value))}
        >
          {(["session_id", "user_id", "key_id", "none"] as const).map((value) => (
            <option key={value} value={value}>
              {g(`sticky.${value}`)}
            </option>
          ))}
        </Select>
      </Field>
      {step.split?.canary && <p className={css.note}>{g("split.canary", { arm: step.split.canary })}</p>}
      {step.split?.bandit && <p className={css.note}>{g("split.bandit", { metric: step.split.metric })}</p>}
      <div className={css.row}>
        <Field label={g("arm.add", { name: next })}>
          <TargetInput providers={providers} value={use} onChange={setUse} />
        </Field>
        <Button
          icon="plus"
          disabled={!/^[^/]+\/.+/.test(use.trim()) || next === ""}
          onClick={() => {
            draft.edit(addArm(draft.text, step.path, next, 10, use.trim()));
            setUse("");
          }}
        >
          {g("add")}
        </Button>
      </div>
    </>
  );
}

function WeightRow(props: {
  id: string;
  name: string;
  weight: number;
  share: number;
  onChange: (weight: number) => void;
  onRemove?: (() => void) | undefined;
}) {
  const { g } = useGateway();
  const [typed, setTyped] = useState(String(props.weight));
  const shown = Number(typed) === props.weight || !isWithin(typed, 0, 1e9) ? typed : String(props.weight);
  return (
    <>
      <label htmlFor={props.id}>{props.name}</label>
      <TextInput
        id={props.id}
        inputMode="decimal"
        value={shown}
        aria-invalid={!isWithin(shown, 0, 1e9)}
        onChange={(e) => {
          setTyped(e.target.value);
          if (isWithin(e.target.value, 0, 1e9)) props.onChange(Number(e.target.value));
        }}
      />
      <span>{percent(props.share)}</span>
      {props.onRemove ? (
        <IconButton icon="trash" label={g("arm.remove", { name: props.name })} onClick={props.onRemove} />
      ) : (
        <span />
      )}
    </>
  );
}
