/** `provider/model`, with the targets that the gateway knows as suggestions. */
import { useQuery } from "@tanstack/react-query";
import { type InputHTMLAttributes, useId } from "react";
import { TextInput } from "../ui/field.tsx";
import { statusQuery } from "./api.ts";

type Rest = Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value">;

export function TargetInput(props: Rest & { providers: string[]; value: string; onChange: (value: string) => void }) {
  const { providers, value, onChange, ...rest } = props;
  const list = useId();
  const status = useQuery({ ...statusQuery, refetchInterval: false });
  const known = [
    ...new Set([...(status.data?.targets.map((target) => target.name) ?? []), ...providers.map((name) => `${name}/`)]),
  ];
  return (
    <>
      <TextInput
        {...rest}
        list={list}
        pattern="[^\/]+\/.+"
        placeholder="provider/model"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id={list}>
        {known.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
