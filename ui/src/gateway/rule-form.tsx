/** The form of a rule: which calls it matches, how fast they may come, and which of several rules counts. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Checkbox, Field, TextArea, TextInput } from "../ui/field.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import css from "./gateway.module.css";
import { type RuleFields, ruleBody, ruleFieldsOf } from "./rule-draft.ts";
import rules from "./rules.module.css";
import { createRule, type Rule, replaceRule, rulesQuery } from "./rules-api.ts";
import { useGateway } from "./text/index.ts";

interface Part {
  fields: RuleFields;
  set: (part: Partial<RuleFields>) => void;
}

export function RuleForm(props: { rule: Rule | null; keys: ApiKey[]; onClose: () => void }) {
  const { g, t } = useGateway();
  const { project } = useProject();
  const client = useQueryClient();
  const { rule } = props;
  const [fields, setFields] = useState(() => ruleFieldsOf(rule));
  const set: Part["set"] = (part) => setFields((old) => ({ ...old, ...part }));
  const save = useMutation({
    mutationFn: () =>
      rule === null
        ? createRule(project.id, ruleBody(fields, null))
        : replaceRule(project.id, rule.id, ruleBody(fields, rule)),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: rulesQuery(project.id).queryKey });
      props.onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog title={g(rule === null ? "rule.add" : "rule.change")} onClose={props.onClose}>
      <form className={css.stack} onSubmit={submit}>
        <Field label={t("field.name")}>
          <TextInput required maxLength={100} value={fields.name} onChange={(e) => set({ name: e.target.value })} />
        </Field>
        <RateFields fields={fields} set={set} />
        <MatchFields fields={fields} set={set} keys={props.keys} />
        <Field label={g("rule.priority")} hint={g("rule.priorityHint")}>
          <TextInput
            type="number"
            min={-1000}
            max={1000}
            required
            disabled={fields.always}
            value={fields.always ? "0" : fields.priority}
            onChange={(e) => set({ priority: e.target.value })}
          />
        </Field>
        <Checkbox
          label={g("rule.alwaysText")}
          checked={fields.always}
          onChange={(e) => set({ always: e.target.checked })}
        />
        <Checkbox
          label={g("policy.shadowText")}
          checked={fields.shadow}
          onChange={(e) => set({ shadow: e.target.checked })}
        />
        {save.error && <ErrorPanel error={save.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {g(rule === null ? "rule.add" : "rule.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function RateFields({ fields, set }: Part) {
  const { g } = useGateway();
  const labels = { rpm: "policy.rpm", tpm: "policy.tpm", concurrency: "policy.concurrency" } as const;
  return (
    <div className={css.pair}>
      {(["rpm", "tpm", "concurrency"] as const).map((name) => (
        <Field key={name} label={g(labels[name])}>
          <TextInput
            type="number"
            min={1}
            placeholder={g("policy.noLimit")}
            value={fields[name]}
            onChange={(e) => set({ [name]: e.target.value })}
          />
        </Field>
      ))}
    </div>
  );
}

function MatchFields({ fields, set, keys }: Part & { keys: ApiKey[] }) {
  const { g } = useGateway();
  // A key that was revoked or lies on a later page of the list stays in the rule and can be taken out.
  const unknown = fields.keys.filter((id) => !keys.some((key) => key.id === id));
  const entries = [...keys.map((key) => [key.id, key.name] as const), ...unknown.map((id) => [id, id] as const)];
  const toggle = (id: string, on: boolean) =>
    set({ keys: on ? [...fields.keys, id] : fields.keys.filter((other) => other !== id) });
  return (
    <>
      <fieldset className={css.group}>
        <legend>{g("rule.keys")}</legend>
        <div className={rules.keys}>
          {entries.map(([id, name]) => (
            <Checkbox
              key={id}
              label={name}
              checked={fields.keys.includes(id)}
              onChange={(e) => toggle(id, e.target.checked)}
            />
          ))}
        </div>
      </fieldset>
      <div className={css.pair}>
        <Field label={g("policy.models")} hint={g("rule.modelsHint")}>
          <TextArea rows={3} value={fields.models} onChange={(e) => set({ models: e.target.value })} />
        </Field>
        <Field label={g("rule.metadata")} hint={g("rule.metadataHint")}>
          <TextArea
            rows={3}
            placeholder="plan=free"
            value={fields.metadata}
            onChange={(e) => set({ metadata: e.target.value })}
          />
        </Field>
      </div>
      <Field label={g("scope.user")} hint={g("rule.userHint")}>
        <TextInput maxLength={256} value={fields.user} onChange={(e) => set({ user: e.target.value })} />
      </Field>
    </>
  );
}
