/** Personal tokens and the account: for command lines and scripts that act as the signed-in person. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { PersonalToken } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog, Dialog } from "../ui/dialog.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { useToast } from "../ui/toast.tsx";
import { createToken, removeToken, tokensQuery, updateMe } from "./api.ts";
import { Expiry, LIFETIMES, type Lifetime, lifetimeToExpiry } from "./expiry.tsx";
import { SecretOnce } from "./secret-once.tsx";
import css from "./settings.module.css";

export default function TokensScreen() {
  const { t, fmt } = useLocale();
  const tokens = useQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  const [removing, setRemoving] = useState<PersonalToken | null>(null);
  const create = (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      {t("tokens.create")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("nav.tokens")} lead={t("tokens.lead")}>
        {create}
      </PageHead>
      <PageBody>
        {tokens.error ? (
          <ErrorPanel error={tokens.error} retry={() => void tokens.refetch()} />
        ) : !tokens.data ? (
          <Loading />
        ) : tokens.data.items.length === 0 ? (
          <Empty icon="token" title={t("tokens.none")}>
            <p>{t("tokens.noneText")}</p>
            {create}
          </Empty>
        ) : (
          <Table
            label={t("nav.tokens")}
            rows={tokens.data.items}
            rowKey={(token) => token.id}
            columns={[
              { id: "name", head: t("field.name"), cell: (token) => <strong>{token.name}</strong> },
              { id: "public", head: t("tokens.id"), cell: (token) => <code>{token.public_id}</code> },
              { id: "expires", head: t("keys.expires"), cell: (token) => <Expiry at={token.expires_at} /> },
              {
                id: "used",
                head: t("keys.lastUsed"),
                cell: (token) => (token.last_used_at ? fmt.ago(token.last_used_at) : t("keys.never")),
              },
              { id: "created", head: t("keys.created"), cell: (token) => fmt.dateTime(token.created_at) },
              {
                id: "act",
                head: <span className="visually-hidden">{t("ui.actions")}</span>,
                align: "end",
                cell: (token) => (
                  <IconButton
                    icon="trash"
                    label={t("keys.revoke", { name: token.name })}
                    onClick={() => setRemoving(token)}
                  />
                ),
              },
            ]}
          />
        )}
        <Password />
      </PageBody>
      {creating && <CreateToken onClose={() => setCreating(false)} />}
      {removing && <RemoveToken token={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

function CreateToken({ onClose }: { onClose: () => void }) {
  const { t } = useLocale();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [lifetime, setLifetime] = useState<Lifetime>("90d");
  const create = useMutation({
    mutationFn: () => {
      const expiry = lifetimeToExpiry(lifetime, Date.now());
      return createToken({ name, ...(expiry ? { expires_at: expiry } : {}) });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
  if (create.data)
    return (
      <SecretOnce
        title={t("keys.made", { name })}
        lead={t("keys.secretOnce")}
        secret={create.data.token}
        onClose={onClose}
      />
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog title={t("tokens.create")} onClose={onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("field.name")} hint={t("tokens.nameHint")}>
          <TextInput required value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
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
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={create.isPending}>
            {t("tokens.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function RemoveToken({ token, onClose }: { token: PersonalToken; onClose: () => void }) {
  const { t } = useLocale();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => removeToken(token.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: tokensQuery.queryKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("keys.revoke", { name: token.name })}
      action={t("keys.revokeAction")}
      confirmName={token.name}
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p>{t("tokens.revokeText")}</p>
      {remove.error && <ErrorPanel error={remove.error} />}
    </ConfirmDialog>
  );
}

function Password() {
  const { t } = useLocale();
  const { me } = useProject();
  const toast = useToast();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const change = useMutation({
    mutationFn: () => updateMe({ password, current_password: current }),
    onSuccess: () => {
      setCurrent("");
      setPassword("");
      toast(t("account.changed"));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <section className={css.section}>
      <h2>{t("account.title")}</h2>
      <form className={css.narrow} onSubmit={submit}>
        <div className={css.form}>
          <input type="hidden" autoComplete="username" value={me.user?.email ?? ""} readOnly />
          <Field label={t("account.current")}>
            <TextInput
              type="password"
              required
              autoComplete="current-password"
              value={current}
              onChange={(e) => setCurrent(e.target.value)}
            />
          </Field>
          <Field label={t("account.next")} hint={t("field.passwordHint", { n: 10 })}>
            <TextInput
              type="password"
              required
              minLength={10}
              autoComplete="new-password"
              value={password}
              onChange={(e) => setPassword(e.target.value)}
            />
          </Field>
          {change.error && <ErrorPanel error={change.error} />}
          <div>
            <Button type="submit" busy={change.isPending}>
              {t("account.change")}
            </Button>
          </div>
        </div>
      </form>
    </section>
  );
}
