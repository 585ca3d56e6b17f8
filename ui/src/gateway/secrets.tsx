/** Provider secrets: set, replaced, removed; a value goes in and never comes out. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog, Dialog } from "../ui/dialog.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { Badge } from "../ui/marks.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { useToast } from "../ui/toast.tsx";
import { removeSecret, type Secret, secretsQuery, setSecret } from "./api.ts";
import css from "./gateway.module.css";
import { useGateway } from "./text/index.ts";

export function Secrets() {
  const { g, t, fmt } = useGateway();
  const { can } = useProject();
  const secrets = useQuery(secretsQuery);
  const [setting, setSetting] = useState<string | null>(null);
  const [removing, setRemoving] = useState<Secret | null>(null);
  const manage = can("gateway:manage");
  const rows = secrets.data?.items ?? [];
  return (
    <section className={css.section}>
      <div className={css.sectionHead}>
        <h2>{g("secrets.title")}</h2>
        {manage && (
          <Button icon="plus" onClick={() => setSetting("")}>
            {g("secrets.add")}
          </Button>
        )}
      </div>
      <p>{g("secrets.text")}</p>
      {secrets.error && <ErrorPanel error={secrets.error} retry={() => void secrets.refetch()} />}
      {secrets.isPending && <Loading />}
      {secrets.data && rows.length === 0 && (
        <p className={css.quiet}>
          {g("secrets.none")} <code>{"keys: [{secret: openai-1}]"}</code>
        </p>
      )}
      {rows.length > 0 && (
        <Table
          label={g("secrets.title")}
          rows={rows}
          rowKey={(secret) => secret.name}
          columns={[
            { id: "name", head: t("field.name"), cell: (secret) => <code>{secret.name}</code> },
            {
              id: "by",
              head: g("secrets.usedBy"),
              cell: (secret) =>
                secret.used_by.length > 0 ? (
                  secret.used_by.join(", ")
                ) : (
                  <Badge tone="warn">{g("secrets.unused")}</Badge>
                ),
            },
            {
              id: "set",
              head: g("secrets.setBy"),
              cell: (secret) => `${secret.set_by} · ${fmt.dateTime(secret.updated_at)}`,
            },
            {
              id: "used",
              head: t("keys.lastUsed"),
              cell: (secret) => (secret.last_used_at ? fmt.ago(secret.last_used_at) : t("keys.never")),
            },
            {
              id: "act",
              head: <span className="visually-hidden">{t("ui.actions")}</span>,
              align: "end",
              cell: (secret) =>
                manage && (
                  <>
                    <IconButton
                      icon="edit"
                      label={g("secrets.replace", { name: secret.name })}
                      onClick={() => setSetting(secret.name)}
                    />
                    <IconButton
                      icon="trash"
                      label={g("secrets.remove", { name: secret.name })}
                      onClick={() => setRemoving(secret)}
                    />
                  </>
                ),
            },
          ]}
        />
      )}
      {setting !== null && <SetSecret name={setting} onClose={() => setSetting(null)} />}
      {removing && <RemoveSecret secret={removing} onClose={() => setRemoving(null)} />}
    </section>
  );
}

function SetSecret(props: { name: string; onClose: () => void }) {
  const { g, t } = useGateway();
  const client = useQueryClient();
  const toast = useToast();
  const [name, setName] = useState(props.name);
  const [value, setValue] = useState("");
  const save = useMutation({
    mutationFn: () => setSecret(name.trim(), value),
    onSuccess: async () => {
      toast(g("secrets.saved", { name: name.trim() }));
      props.onClose();
      await client.invalidateQueries({ queryKey: secretsQuery.queryKey });
      await client.invalidateQueries({ queryKey: ["gateway-config"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog title={props.name ? g("secrets.replace", { name: props.name }) : g("secrets.add")} onClose={props.onClose}>
      <form className={css.stack} onSubmit={submit}>
        {!props.name && (
          <Field label={t("field.name")} hint={g("secrets.nameHint")}>
            <TextInput required maxLength={64} value={name} onChange={(e) => setName(e.target.value)} />
          </Field>
        )}
        <Field label={g("secrets.value")} hint={g("secrets.valueHint")}>
          <TextInput
            required
            type="password"
            autoComplete="new-password"
            value={value}
            onChange={(e) => setValue(e.target.value)}
          />
        </Field>
        {save.error && <ErrorPanel error={save.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {g("secrets.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function RemoveSecret({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const { g } = useGateway();
  const client = useQueryClient();
  const used = secret.used_by.length > 0;
  const remove = useMutation({
    mutationFn: () => removeSecret(secret.name, used),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: secretsQuery.queryKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={g("secrets.remove", { name: secret.name })}
      action={g("secrets.removeAction")}
      {...(used ? { confirmName: secret.name } : {})}
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p>{used ? g("secrets.removeUsed", { providers: secret.used_by.join(", ") }) : g("secrets.removeText")}</p>
      {remove.error && <ErrorPanel error={remove.error} />}
    </ConfirmDialog>
  );
}
