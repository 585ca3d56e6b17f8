/** A new alias in the draft: its name, and the first target that it stands for. */
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import type { DraftView } from "./draft.ts";
import css from "./gateway.module.css";
import { addModel } from "./routes-edit.ts";
import { readRoutes } from "./routes-model.ts";
import { TargetInput } from "./target-input.tsx";
import { useGateway } from "./text/index.ts";

export function NewModel({ draft, onClose }: { draft: DraftView; onClose: () => void }) {
  const { g, t } = useGateway();
  const navigate = useNavigate();
  const model = readRoutes(draft.text);
  const [name, setName] = useState("");
  const [use, setUse] = useState("");
  const taken = model.routes.some((route) => route.name === name.trim());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (taken) return;
    draft.edit(addModel(draft.text, name.trim(), use.trim()));
    void navigate({ to: ".", search: { model: name.trim() } as never, replace: true });
    onClose();
  };
  return (
    <Dialog title={g("routes.add")} onClose={onClose}>
      <form className={css.stack} onSubmit={submit}>
        <Field label={g("routes.name")} hint={g("routes.nameHint")} error={taken ? g("routes.nameTaken") : undefined}>
          <TextInput required maxLength={256} value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label={g("node.target")} hint={g("target.hint", { providers: model.providers.join(", ") })}>
          <TargetInput required providers={model.providers} value={use} onChange={setUse} />
        </Field>
        <div className={css.actions}>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary">
            {g("routes.addAction")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
