/** API keys of the project: create (the secret is shown once), see what they may do and when they were used, revoke. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog, Dialog } from "../ui/dialog.tsx";
import { Checkbox, Field, Select, TextInput } from "../ui/field.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { useToast } from "../ui/toast.tsx";
import { createKey, keysQuery, revokeKey } from "./api.ts";
import { Expiry, isExpired, LIFETIMES, lifetimeToExpiry } from "./expiry.tsx";
import { SecretOnce } from "./secret-once.tsx";
import css from "./settings.module.css";

export default function KeysScreen() {
  const { t, fmt } = useLocale();
  const { project, can } = useProject();
  const navigate = useNavigate();
  const creating = useSearch({ strict: false, select: (search) => (search as { create?: boolean }).create === true });
  const setCreating = (open: boolean) =>
    void navigate({ to: ".", search: (open ? { create: true } : {}) as never, replace: true });
  const keys = useQuery(keysQuery(project.id));
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const manage = can("keys:manage");
  const create = manage && (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      {t("keys.create")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("nav.keys")} lead={t("keys.lead")}>
        {create}
      </PageHead>
      <PageBody>
        {keys.error ? (
          <ErrorPanel error={keys.error} retry={() => void keys.refetch()} />
        ) : !keys.data ? (
          <Loading />
        ) : keys.data.items.length === 0 ? (
          <Empty icon="key" title={t("keys.none")}>
            <p>{t("keys.noneText")}</p>
            {create}
          </Empty>
        ) : (
          <Table
            label={t("nav.keys")}
            rows={keys.data.items}
            rowKey={(key) => key.id}
            columns={[
              { id: "name", head: t("field.name"), cell: (key) => <strong>{key.name}</strong> },
              { id: "public", head: t("keys.public"), cell: (key) => <code>{key.public_key}</code> },
              {
                id: "scopes",
                head: t("keys.scopes"),
                cell: (key) => (
                  <span className={css.badges}>
                    {key.scopes.map((scope) => (
                      <Badge key={scope}>{scope}</Badge>
                    ))}
                  </span>
                ),
              },
              {
                id: "expires",
                head: t("keys.expires"),
                cell: (key) => (
                  <>
                    <Expiry at={key.expires_at} />{" "}
                    {isExpired(key.expires_at) && <Badge tone="error">{t("keys.expired")}</Badge>}
                  </>
                ),
              },
              {
                id: "used",
                head: t("keys.lastUsed"),
                cell: (key) => (key.last_used_at ? fmt.ago(key.last_used_at) : t("keys.never")),
              },
              { id: "created", head: t("keys.created"), cell: (key) => fmt.dateTime(key.created_at) },
              {
                id: "act",
                head: <span className="visually-hidden">{t("ui.actions")}</span>,
                align: "end",
                cell: (key) =>
                  manage && (
                    <IconButton
                      icon="trash"
                      label={t("keys.revoke", { name: key.name })}
                      onClick={() => setRevoking(key)}
                    />
                  ),
              },
            ]}
          />
        )}
      </PageBody>
      {creating && manage && <CreateKey project={project.id} onClose={() => setCreating(false)} />}
      {revoking && <RevokeKey project={project.id} apiKey={revoking} onClose={() => setRevoking(null)} />}
    </>
  );
}

function RevokeKey(props: { project: string; apiKey: ApiKey; onClose: () => void }) {
  const { t, fmt } = useLocale();
  const client = useQueryClient();
  const toast = useToast();
  const revoke = useMutation({
    mutationFn: () => revokeKey(props.project, props.apiKey.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keysQuery(props.project).queryKey });
      toast(t("keys.revoked", { name: props.apiKey.name }));
      props.onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("keys.revoke", { name: props.apiKey.name })}
      action={t("keys.revokeAction")}
      confirmName={props.apiKey.name}
      busy={revoke.isPending}
      onConfirm={() => revoke.mutate()}
      onClose={props.onClose}
    >
      <p>
        {t("keys.revokeText", {
          used: props.apiKey.last_used_at ? fmt.ago(props.apiKey.last_used_at) : t("keys.never"),
        })}
      </p>
      {revoke.error && <ErrorPanel error={revoke.error} />}
    </ConfirmDialog>
  );
}

/** What an application needs; the rest is for tools that manage the project. */
const SCOPES = [
  "traces:write",
  "traces:read",
  "scores:write",
  "scores:read",
  "gateway:call",
  "models:read",
  "prices:read",
  "project:read",
  "traces:export",
  "scores:delete",
  "prices:manage",
  "keys:read",
];
const USUAL = new Set(SCOPES.slice(0, 8));

function CreateKey({ project, onClose }: { project: string; onClose: () => void }) {
  const { t } = useLocale();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<ReadonlySet<string>>(USUAL);
  const [lifetime, setLifetime] = useState<(typeof LIFETIMES)[number]>("never");
  const create = useMutation({
    mutationFn: () => {
      const expiry = lifetimeToExpiry(lifetime, Date.now());
      return createKey(project, { name, scopes: [...scopes], ...(expiry ? { expires_at: expiry } : {}) });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keysQuery(project).queryKey }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  const toggle = (scope: string) => {
    const next = new Set(scopes);
    if (!next.delete(scope)) next.add(scope);
    setScopes(next);
  };
  if (create.data)
    return (
      <SecretOnce
        title={t("keys.made", { name })}
        lead={t("keys.secretOnce")}
        secret={create.data.secret_key}
        onClose={onClose}
      />
    );
  return (
    <Dialog title={t("keys.create")} onClose={onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("field.name")} hint={t("keys.nameHint")}>
          <TextInput required value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <fieldset className={css.group}>
          <legend>{t("keys.scopes")}</legend>
          <div className={css.scopes}>
            {SCOPES.map((scope) => (
              <Checkbox
                key={scope}
                label={<code>{scope}</code>}
                checked={scopes.has(scope)}
                onChange={() => toggle(scope)}
              />
            ))}
          </div>
        </fieldset>
        <Field label={t("keys.expires")}>
          <Select value={lifetime} onChange={(e) => setLifetime(e.target.value as (typeof LIFETIMES)[number])}>
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
          <Button type="submit" variant="primary" busy={create.isPending} disabled={scopes.size === 0}>
            {t("keys.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
