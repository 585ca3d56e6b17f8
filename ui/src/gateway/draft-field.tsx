/** Fields whose value goes into the draft as soon as it makes sense; what doesn't yet stays in the field. */
import { useEffect, useState } from "react";
import { Field, TextInput } from "../ui/field.tsx";
import { useGateway } from "./text/index.ts";

/** The text being typed, which follows the draft when that changes from elsewhere (an undo, say). */
function useTyped(value: string): [string, (text: string) => void] {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  return [typed, setTyped];
}

export function NumberField(props: {
  label: string;
  hint?: string;
  value: number;
  min: number;
  max: number;
  onChange: (value: number) => void;
}) {
  const { g } = useGateway();
  const [typed, setTyped] = useTyped(String(props.value));
  const wrong = !isWithin(typed, props.min, props.max);
  return (
    <Field
      label={props.label}
      hint={props.hint}
      error={wrong ? g("field.number", { min: props.min, max: props.max }) : undefined}
    >
      <TextInput
        inputMode="decimal"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          if (isWithin(event.target.value, props.min, props.max)) props.onChange(Number(event.target.value));
        }}
      />
    </Field>
  );
}

export const isWithin = (text: string, min: number, max: number): boolean =>
  text.trim() !== "" && Number.isFinite(Number(text)) && Number(text) >= min && Number(text) <= max;

const DURATION = /^\d+(\.\d+)?(ms|s|m|h)$/;

/** `250ms`, `30s`, `10m`; empty is what the server does by itself. */
export function DurationField(props: {
  label: string;
  value: string;
  usual: string;
  onChange: (value: string | null) => void;
}) {
  const { g } = useGateway();
  const [typed, setTyped] = useTyped(props.value);
  const wrong = typed !== "" && !DURATION.test(typed);
  return (
    <Field label={props.label} error={wrong ? g("field.duration") : undefined}>
      <TextInput
        value={typed}
        placeholder={props.usual}
        onChange={(event) => {
          const text = event.target.value.trim();
          setTyped(text);
          if (text === "") props.onChange(null);
          else if (DURATION.test(text)) props.onChange(text);
        }}
      />
    </Field>
  );
}
