/** The form of a new key or token; its secret is shown once. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Checkbox, Field, Select, TextInput } from "../ui/field.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { LIFETIMES, type Lifetime, lifetimeToExpiry } from "./expiry.tsx";
import { SecretOnce } from "./secret-once.tsx";
import css from "./settings.module.css";

export interface NewCredential {
  name: string;
  scopes?: string[];
  expires_at?: string;
}

export function CreateCredential(props: {
  of: {
    kind: "keys" | "tokens";
    scopes?: { all: readonly string[]; usual: ReadonlySet<string> };
    queryKey: readonly unknown[];
    create: (draft: NewCredential) => Promise<{ secret: string }>;
  };
  onClose: () => void;
}) {
  const { t } = useLocale();
  const client = useQueryClient();
  const { of } = props;
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<ReadonlySet<string>>(of.scopes?.usual ?? new Set());
  // An application runs for years; a person's own token is better short-lived.
  const [lifetime, setLifetime] = useState<Lifetime>(of.kind === "keys" ? "never" : "90d");
  const create = useMutation({
    mutationFn: () => {
      const expiry = lifetimeToExpiry(lifetime, Date.now());
      return of.create({
        name,
        ...(of.scopes ? { scopes: [...scopes] } : {}),
        ...(expiry ? { expires_at: expiry } : {}),
      });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: of.queryKey }),
  });
  if (create.data)
    return (
      <SecretOnce
        title={t("keys.made", { name })}
        lead={t("keys.secretOnce")}
        secret={create.data.secret}
        onClose={props.onClose}
      />
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  const toggle = (scope: string) => {
    const next = new Set(scopes);
    if (!next.delete(scope)) next.add(scope);
    setScopes(next);
  };
  return (
    <Dialog title={t(`${of.kind}.create`)} onClose={props.onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("field.name")} hint={t(`${of.kind}.nameHint`)}>
          <TextInput required value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        {of.scopes && (
          <fieldset className={css.group}>
            <legend>{t("keys.scopes")}</legend>
            <div className={css.scopes}>
              {of.scopes.all.map((scope) => (
                <Checkbox
                  key={scope}
                  label={<code>{scope}</code>}
                  checked={scopes.has(scope)}
                  onChange={() => toggle(scope)}
                />
              ))}
            </div>
          </fieldset>
        )}
        <Field label={t("keys.expires")}>
          <Select value={lifetime} onChange={(e) => setLifetime(e.target.value as Lifetime)}>
            {LIFETIMES.map((value) => (
              <option key={value} value={value}>
                {t(`lifetime.${value}`)}
              </option>
            ))}
          </Select>
        </Field>
        {create.error && <ErrorPanel error={create.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button
            type="submit"
            variant="primary"
            busy={create.isPending}
            disabled={of.scopes !== undefined && scopes.size === 0}
          >
            {t(`${of.kind}.create`)}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
