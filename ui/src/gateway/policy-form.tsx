/** What one key may do: models, providers, rates, cost of a call, networks; or only evaluate. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Checkbox, Field, TextArea, TextInput } from "../ui/field.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import css from "./gateway.module.css";
import { type Policy, policyQuery, removePolicy, setPolicy } from "./limits-api.ts";
import { useGateway } from "./text/index.ts";

export function PolicyForm({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { g } = useGateway();
  const { project } = useProject();
  const policy = useQuery(policyQuery(project.id, apiKey.id));
  return (
    <Dialog title={g("policy.edit", { name: apiKey.name })} onClose={onClose}>
      {policy.error && <ErrorPanel error={policy.error} retry={() => void policy.refetch()} />}
      {policy.isPending && <Loading />}
      {policy.data && <Form policy={policy.data} onClose={onClose} />}
    </Dialog>
  );
}

/** Names as people type them: lines or commas. */
export const namesOf = (text: string): string[] => text.split(/[\s,、，]+/).filter(Boolean);
const wholeOrNull = (text: string): number | null => (text.trim() === "" ? null : Number(text));

function Form({ policy, onClose }: { policy: Policy; onClose: () => void }) {
  const { g, t } = useGateway();
  const { project } = useProject();
  const client = useQueryClient();
  const [draft, setDraft] = useState({
    models: policy.models.join("\n"),
    providers: policy.providers.join("\n"),
    rpm: String(policy.rpm ?? ""),
    tpm: String(policy.tpm ?? ""),
    concurrency: String(policy.max_concurrency ?? ""),
    cost: policy.max_cost_usd ?? "",
    cidrs: policy.cidrs.join("\n"),
    unpriced: policy.allow_unpriced,
    shadow: policy.shadow,
  });
  const set = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const done = async () => {
    await client.invalidateQueries({ queryKey: ["gateway-policies", project.id] });
    onClose();
  };
  const save = useMutation({
    mutationFn: () =>
      setPolicy(project.id, policy.key_id, {
        models: namesOf(draft.models),
        providers: namesOf(draft.providers),
        rpm: wholeOrNull(draft.rpm),
        tpm: wholeOrNull(draft.tpm),
        max_concurrency: wholeOrNull(draft.concurrency),
        max_cost_usd: draft.cost.trim() || null,
        cidrs: namesOf(draft.cidrs),
        allow_unpriced: draft.unpriced,
        shadow: draft.shadow,
      }),
    onSuccess: done,
  });
  const remove = useMutation({ mutationFn: () => removePolicy(project.id, policy.key_id), onSuccess: done });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const rate = (name: "rpm" | "tpm" | "concurrency", label: string) => (
    <Field label={label}>
      <TextInput
        type="number"
        min={1}
        placeholder={g("policy.noLimit")}
        value={draft[name]}
        onChange={(e) => set({ [name]: e.target.value })}
      />
    </Field>
  );
  return (
    <form className={css.stack} onSubmit={submit}>
      {policy.source === "defaults" && <p className={css.quiet}>{g("policy.fromDefaults")}</p>}
      <div className={css.pair}>
        <Field label={g("policy.models")} hint={g("policy.namesHint")}>
          <TextArea rows={3} value={draft.models} onChange={(e) => set({ models: e.target.value })} />
        </Field>
        <Field label={g("policy.providers")} hint={g("policy.namesHint")}>
          <TextArea rows={3} value={draft.providers} onChange={(e) => set({ providers: e.target.value })} />
        </Field>
      </div>
      <div className={css.pair}>
        {rate("rpm", g("policy.rpm"))}
        {rate("tpm", g("policy.tpm"))}
        {rate("concurrency", g("policy.concurrency"))}
        <Field label={g("policy.maxCost")}>
          <TextInput
            inputMode="decimal"
            pattern="[0-9]*\.?[0-9]*"
            placeholder={g("policy.noLimit")}
            value={draft.cost}
            onChange={(e) => set({ cost: e.target.value })}
          />
        </Field>
      </div>
      <Field label={g("policy.cidrs")} hint={g("policy.cidrsHint")}>
        <TextArea
          rows={2}
          placeholder="203.0.113.0/24"
          value={draft.cidrs}
          onChange={(e) => set({ cidrs: e.target.value })}
        />
      </Field>
      <Checkbox
        label={g("policy.unpriced")}
        checked={draft.unpriced}
        onChange={(e) => set({ unpriced: e.target.checked })}
      />
      <Checkbox
        label={g("policy.shadowText")}
        checked={draft.shadow}
        onChange={(e) => set({ shadow: e.target.checked })}
      />
      {(save.error ?? remove.error) && <ErrorPanel error={save.error ?? remove.error} />}
      <div className={css.actions}>
        {policy.source === "key" && (
          <Button busy={remove.isPending} onClick={() => remove.mutate()}>
            {g("policy.reset")}
          </Button>
        )}
        <Button onClick={onClose}>{t("ui.cancel")}</Button>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {g("policy.save")}
        </Button>
      </div>
    </form>
  );
}
