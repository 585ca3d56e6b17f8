/** The list of API keys and that of personal tokens: one screen, of which each says what is its own. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { type PagedList, PagedTable } from "../ui/paged-table.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import type { Column } from "../ui/table.tsx";
import { useToast } from "../ui/toast.tsx";
import { CreateCredential, type NewCredential } from "./create-credential.tsx";
import { Expiry, isExpired } from "./expiry.tsx";
import { RenameDialog, useRename } from "./rename.tsx";
import css from "./settings.module.css";

interface Credential {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

/** What one kind of credential has of its own; `kind` names its texts. */
export interface CredentialKind<Row extends Credential> {
  kind: "keys" | "tokens";
  icon: "key" | "token";
  publicId: (row: Row) => string;
  columns?: Column<Row>[];
  scopes?: { all: readonly string[]; usual: ReadonlySet<string> };
  queryKey: readonly unknown[];
  create: (draft: NewCredential) => Promise<{ secret: string }>;
  rename: (id: string, name: string) => Promise<unknown>;
  revoke: (id: string) => Promise<unknown>;
}

export function CredentialScreen<Row extends Credential>(props: {
  of: CredentialKind<Row>;
  list: PagedList<Row>;
  manage: boolean;
  creating: boolean;
  onCreating: (open: boolean) => void;
  children?: ReactNode;
}) {
  const { t, fmt } = useLocale();
  const { of, manage } = props;
  const [renaming, setRenaming] = useState<Row | null>(null);
  const [revoking, setRevoking] = useState<Row | null>(null);
  const rename = useRename(of.queryKey, of.rename);
  const create = manage && (
    <Button variant="primary" icon="plus" onClick={() => props.onCreating(true)}>
      {t(`${of.kind}.create`)}
    </Button>
  );
  const columns: Column<Row>[] = [
    { id: "name", head: t("field.name"), cell: (row) => <strong>{row.name}</strong> },
    { id: "public", head: t("keys.public"), cell: (row) => <code>{of.publicId(row)}</code> },
    ...(of.columns ?? []),
    {
      id: "expires",
      head: t("keys.expires"),
      cell: (row) => (
        <>
          <Expiry at={row.expires_at} /> {isExpired(row.expires_at) && <Badge tone="error">{t("keys.expired")}</Badge>}
        </>
      ),
    },
    {
      id: "used",
      head: t("keys.lastUsed"),
      cell: (row) => (row.last_used_at ? fmt.ago(row.last_used_at) : t("keys.never")),
    },
    { id: "created", head: t("keys.created"), cell: (row) => fmt.dateTime(row.created_at) },
    {
      id: "act",
      head: <span className="visually-hidden">{t("ui.actions")}</span>,
      align: "end",
      cell: (row) =>
        manage && (
          <>
            <IconButton icon="edit" label={t("rename.title", { name: row.name })} onClick={() => setRenaming(row)} />
            <IconButton icon="trash" label={t("keys.revoke", { name: row.name })} onClick={() => setRevoking(row)} />
          </>
        ),
    },
  ];
  const table = (
    <PagedTable
      label={t(`nav.${of.kind}`)}
      list={props.list}
      rowKey={(row) => row.id}
      columns={columns}
      empty={{ icon: of.icon, title: t(`${of.kind}.none`), text: t(`${of.kind}.noneText`), action: create }}
    />
  );
  return (
    <>
      <PageHead title={t(`nav.${of.kind}`)} lead={t(`${of.kind}.lead`)}>
        {create}
      </PageHead>
      <PageBody>
        {props.children ? <div className={css.fit}>{table}</div> : table}
        {props.children}
      </PageBody>
      {props.creating && manage && <CreateCredential of={of} onClose={() => props.onCreating(false)} />}
      {renaming && <RenameDialog row={renaming} onRename={rename} onClose={() => setRenaming(null)} />}
      {revoking && <Revoke of={of} row={revoking} onClose={() => setRevoking(null)} />}
    </>
  );
}

function Revoke<Row extends Credential>(props: { of: CredentialKind<Row>; row: Row; onClose: () => void }) {
  const { t, fmt } = useLocale();
  const client = useQueryClient();
  const toast = useToast();
  const { of, row } = props;
  const revoke = useMutation({
    mutationFn: () => of.revoke(row.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: of.queryKey });
      toast(t("keys.revoked", { name: row.name }));
      props.onClose();
    },
  });
  const used = row.last_used_at ? fmt.ago(row.last_used_at) : t("keys.never");
  return (
    <ConfirmDialog
      title={t("keys.revoke", { name: row.name })}
      action={t("keys.revokeAction")}
      confirmName={row.name}
      busy={revoke.isPending}
      onConfirm={() => revoke.mutate()}
      onClose={props.onClose}
    >
      <p>{t(`${of.kind}.revokeText`, { used })}</p>
      {revoke.error && <ErrorPanel error={revoke.error} />}
    </ConfirmDialog>
  );
}
