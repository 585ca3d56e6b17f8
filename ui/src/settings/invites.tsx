/** Invitations into the organization: the link that is shown once, and those that nobody used yet. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { Organization, Role } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog, Dialog } from "../ui/dialog.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { cancelInvite, inviteMember, invitesQuery } from "./api.ts";
import { rolesUpTo } from "./roles.tsx";
import { SecretOnce } from "./secret-once.tsx";
import css from "./settings.module.css";

interface Invite {
  id: string;
  email: string;
}

export function OpenInvites({ manage }: { manage: boolean }) {
  const { t, fmt } = useLocale();
  const { organization } = useProject();
  const invites = useInfiniteQuery(invitesQuery(organization.id));
  const [cancelling, setCancelling] = useState<Invite | null>(null);
  if (!invites.error && !invites.data?.pages[0]?.items.length) return null;
  return (
    <>
      <section className={css.section}>
        <h2>{t("members.invites")}</h2>
      </section>
      <div className={css.fit}>
        <PagedTable
          label={t("members.invites")}
          list={invites}
          rowKey={(invite) => invite.id}
          empty={{ icon: "members", title: t("members.invites") }}
          columns={[
            { id: "email", head: t("field.email"), cell: (invite) => invite.email },
            { id: "role", head: t("members.role"), cell: (invite) => t(`memberRole.${invite.role}`) },
            { id: "expires", head: t("keys.expires"), cell: (invite) => fmt.dateTime(invite.expires_at) },
            {
              id: "act",
              head: <span className="visually-hidden">{t("ui.actions")}</span>,
              align: "end",
              cell: (invite) =>
                manage && (
                  <IconButton
                    icon="trash"
                    label={t("members.cancelInvite", { name: invite.email })}
                    onClick={() => setCancelling(invite)}
                  />
                ),
            },
          ]}
        />
      </div>
      {cancelling && <CancelInvite invite={cancelling} onClose={() => setCancelling(null)} />}
    </>
  );
}

function CancelInvite({ invite, onClose }: { invite: Invite; onClose: () => void }) {
  const { t } = useLocale();
  const { organization } = useProject();
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelInvite(organization.id, invite.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["invites"] });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("members.cancelInvite", { name: invite.email })}
      action={t("members.cancelInviteAction")}
      busy={cancel.isPending}
      onConfirm={() => cancel.mutate()}
      onClose={onClose}
    >
      <p>{t("members.cancelInviteText")}</p>
      {cancel.error && <ErrorPanel error={cancel.error} />}
    </ConfirmDialog>
  );
}

export function InviteForm(props: { organization: Organization; onDone: () => void; onClose: () => void }) {
  const { t } = useLocale();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const invite = useMutation({
    mutationFn: () => inviteMember(props.organization.id, { email, role }),
    onSuccess: props.onDone,
  });
  if (invite.data)
    return (
      <SecretOnce
        title={t("members.invited", { name: email })}
        lead={t("members.inviteLink")}
        secret={new URL(invite.data.link, location.origin).href}
        onClose={props.onClose}
      />
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    invite.mutate();
  };
  return (
    <Dialog title={t("members.invite")} onClose={props.onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("field.email")}>
          <TextInput type="email" required value={email} onChange={(e) => setEmail(e.target.value)} />
        </Field>
        <Field label={t("members.role")} hint={t(`memberRole.${role}.hint` as MessageKey)}>
          <Select value={role} onChange={(e) => setRole(e.target.value as Role)}>
            {rolesUpTo(props.organization.role).map((value) => (
              <option key={value} value={value}>
                {t(`memberRole.${value}`)}
              </option>
            ))}
          </Select>
        </Field>
        {invite.error && <ErrorPanel error={invite.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={invite.isPending}>
            {t("members.invite")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
