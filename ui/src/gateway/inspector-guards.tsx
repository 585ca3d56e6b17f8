/** The guardrails of a model: whose they are, and what each looks at, does, and does when it fails. */
import { useState } from "react";
import { Button, IconButton } from "../ui/button.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { DurationField } from "./draft-field.tsx";
import { GUARD_KINDS, type GuardOption, type GuardSide, kindOf } from "./guard-kinds.ts";
import {
  addGuard,
  type GuardEntry,
  type GuardSource,
  readGuards,
  removeGuard,
  setGuardOption,
  setGuardSource,
} from "./guards-edit.ts";
import css from "./inspector.module.css";
import type { PanelProps } from "./inspector.tsx";
import type { Value } from "./routes-edit.ts";
import { useGateway } from "./text/index.ts";

const REPLACEMENT = "[removed]";

export function GuardsPanel(props: PanelProps) {
  const { g } = useGateway();
  const { route, draft } = props;
  const guards = readGuards(draft.text, route.path);
  return (
    <details className={css.more} open={guards.source !== "shared"}>
      <summary>{g("guards.title")}</summary>
      <div className={css.group}>
        <Field label={g("guards.whose")}>
          <Select
            value={guards.source}
            onChange={(e) => draft.edit(setGuardSource(draft.text, route.path, e.target.value as GuardSource))}
          >
            <option value="shared">{g("guards.shared", { n: guards.shared })}</option>
            <option value="own">{g("guards.own")}</option>
            <option value="none">{g("guards.none")}</option>
          </Select>
        </Field>
        {guards.source === "own" &&
          (["input", "output"] as const).map((side) => (
            <section key={side} className={css.group} aria-label={g(`guards.${side}`)}>
              <h3 className={css.small}>{g(`guards.${side}`)}</h3>
              {guards[side].length > 0 && (
                <ul className={css.guards}>
                  {guards[side].map((entry) => (
                    <GuardRow key={entry.path.join(".")} {...props} entry={entry} />
                  ))}
                </ul>
              )}
              <NewGuard {...props} side={side} taken={guards[side].map((entry) => entry.kind)} />
            </section>
          ))}
      </div>
    </details>
  );
}

/** What was typed for an option, as the file wants it; null for nothing. */
function typedValue(option: GuardOption, typed: string): Value | string[] | null {
  const text = typed.trim();
  if (text === "") return null;
  if (option.type === "number") return Number.isFinite(Number(text)) ? Number(text) : null;
  if (option.type === "words")
    return text
      .split(/[,、]/)
      .map((word) => word.trim())
      .filter(Boolean);
  return text;
}

function GuardRow({ entry, draft, route }: PanelProps & { entry: GuardEntry }) {
  const { g } = useGateway();
  const kind = kindOf(entry.kind);
  const { options } = entry;
  const action = options.action ?? kind.actions[0]!;
  const name = options.name ?? entry.kind;
  const set = (option: string, value: Value | string[] | null) =>
    draft.edit(setGuardOption(draft.text, entry, option, value), [...entry.path, option].join("."));
  const setAction = (value: string) => {
    const usual = value === kind.actions[0];
    let text = setGuardOption(draft.text, entry, "action", usual ? null : value);
    const again = (): GuardEntry =>
      readGuards(text, route.path)[entry.path.at(-2) as GuardSide][Number(entry.path.at(-1))]!;
    if (value === "replace" && !options.with) text = setGuardOption(text, again(), "with", REPLACEMENT);
    if (value !== "replace" && options.with) text = setGuardOption(text, again(), "with", null);
    draft.edit(text);
  };
  return (
    <li className={css.guard}>
      <div className={css.guardHead}>
        <strong>{g(`guard.${entry.kind}` as "guard.pii") || entry.kind}</strong>
        <code>{name}</code>
        <IconButton
          icon="trash"
          label={g("guards.remove", { name })}
          onClick={() => draft.edit(removeGuard(draft.text, route.path, entry))}
        />
      </div>
      <div className={css.pair}>
        <Field label={g("guards.action")}>
          <Select value={action} onChange={(e) => setAction(e.target.value)}>
            {kind.actions.map((value) => (
              <option key={value} value={value}>
                {g(`guards.action.${value}`)}
              </option>
            ))}
          </Select>
        </Field>
        {action === "replace" && (
          <Field label={g("guards.with")}>
            <TextInput value={options.with ?? ""} onChange={(e) => set("with", e.target.value || REPLACEMENT)} />
          </Field>
        )}
        {kind.options.map((option) => (
          <OptionField
            key={option.name}
            option={option}
            value={options[option.name] ?? ""}
            onChange={(value) => set(option.name, value)}
          />
        ))}
        <Field label={g("guards.onError")}>
          <Select
            value={options.on_error ?? kind.onError}
            onChange={(e) => set("on_error", e.target.value === kind.onError ? null : e.target.value)}
          >
            <option value="block">{g("guards.onError.block")}</option>
            <option value="allow">{g("guards.onError.allow")}</option>
          </Select>
        </Field>
        {kind.waits && (
          <DurationField
            label={g("guards.timeout")}
            value={options.timeout ?? ""}
            usual="5s"
            onChange={(value) => set("timeout", value)}
          />
        )}
      </div>
    </li>
  );
}

/** A needed option can't be emptied: the field says so and the file keeps what it had. */
function OptionField(props: {
  option: GuardOption;
  value: string;
  onChange: (value: Value | string[] | null) => void;
}) {
  const { g } = useGateway();
  const { option, value } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const shown = typed ?? value;
  const made = typedValue(option, shown);
  const wrong = option.needed ? made === null : made === null && shown.trim() !== "";
  return (
    <Field label={g(`guardOption.${option.name}` as "guardOption.usd")} error={wrong ? g("guards.needed") : undefined}>
      <TextInput
        value={shown}
        placeholder={option.usual}
        inputMode={option.type === "number" ? "decimal" : undefined}
        onBlur={() => setTyped(null)}
        onChange={(e) => {
          setTyped(e.target.value);
          const next = typedValue(option, e.target.value);
          if (next !== null || (!option.needed && e.target.value.trim() === "")) props.onChange(next);
        }}
      />
    </Field>
  );
}

function NewGuard({ draft, route, side, taken }: PanelProps & { side: GuardSide; taken: string[] }) {
  const { g } = useGateway();
  const kinds = Object.entries(GUARD_KINDS).filter(([, kind]) => kind.sides.includes(side));
  const [chosen, setName] = useState<string | null>(null);
  // Two guards of a kind need names, which are given in the YAML.
  const name = chosen ?? kinds.find(([kind]) => !taken.includes(kind))?.[0] ?? "pii";
  const [typed, setTyped] = useState<Record<string, string>>({});
  const needed = kindOf(name).options.filter((option) => option.needed);
  const made = Object.fromEntries(needed.map((option) => [option.name, typedValue(option, typed[option.name] ?? "")]));
  const ready = Object.values(made).every((value) => value !== null);
  return (
    <fieldset className={css.newGuard} aria-label={g("guards.addTo", { side: g(`guards.${side}`) })}>
      <div className={css.row}>
        <Field label={g("guards.kind")}>
          <Select value={name} onChange={(e) => setName(e.target.value)}>
            {kinds.map(([kind]) => (
              <option key={kind} value={kind}>
                {g(`guard.${kind}` as "guard.pii")}
              </option>
            ))}
          </Select>
        </Field>
        {needed.map((option) => (
          <Field key={option.name} label={g(`guardOption.${option.name}` as "guardOption.usd")}>
            <TextInput
              value={typed[option.name] ?? ""}
              placeholder={option.usual}
              onChange={(e) => setTyped({ ...typed, [option.name]: e.target.value })}
            />
          </Field>
        ))}
        <Button
          icon="plus"
          disabled={!ready}
          onClick={() => {
            draft.edit(addGuard(draft.text, route.path, side, name, made as Record<string, Value | string[]>));
            setTyped({});
            setName(null);
          }}
        >
          {g("guards.add")}
        </Button>
      </div>
    </fieldset>
  );
}
