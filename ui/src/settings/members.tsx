/** Members of the organization: roles, invites by link, removal. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { Member, Role } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog, Dialog } from "../ui/dialog.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { ErrorLine, ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { useToast } from "../ui/toast.tsx";
import { cancelInvite, changeRole, inviteMember, invitesQuery, membersQuery, removeMember } from "./api.ts";
import { SecretOnce } from "./secret-once.tsx";
import css from "./settings.module.css";

export const ROLES = ["owner", "admin", "member", "annotator", "viewer"] as const;

export default function MembersScreen() {
  const { t, fmt } = useLocale();
  const { organization, me } = useProject();
  const manage = organization.permissions.includes("members:manage");
  const client = useQueryClient();
  const toast = useToast();
  const members = useQuery(membersQuery(organization.id));
  const invites = useQuery(invitesQuery(organization.id));
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  const refresh = () => {
    void client.invalidateQueries({ queryKey: ["members"] });
    void client.invalidateQueries({ queryKey: ["invites"] });
  };
  const failed = (error: Error) => toast(<ErrorLine error={error} />, { tone: "error" });
  const role = useMutation({
    mutationFn: ({ member, next }: { member: Member; next: Role }) => changeRole(organization.id, member.id, next),
    onSuccess: (_done, { member, next }) => {
      toast(t("members.roleChanged", { name: member.name, role: t(`memberRole.${next}` as MessageKey) }), {
        undo: () => role.mutate({ member: { ...member, role: next }, next: member.role }),
      });
      refresh();
    },
    onError: failed,
  });
  const cancel = useMutation({
    mutationFn: (id: string) => cancelInvite(organization.id, id),
    onSuccess: refresh,
    onError: failed,
  });
  return (
    <>
      <PageHead title={t("nav.members")} lead={t("members.lead", { name: organization.name })}>
        {manage && (
          <Button variant="primary" icon="plus" onClick={() => setInviting(true)}>
            {t("members.invite")}
          </Button>
        )}
      </PageHead>
      <PageBody>
        {members.error ? (
          <ErrorPanel error={members.error} retry={() => void members.refetch()} />
        ) : !members.data ? (
          <Loading />
        ) : (
          <Table
            label={t("nav.members")}
            rows={members.data.items}
            rowKey={(member) => member.id}
            columns={[
              { id: "name", head: t("field.name"), cell: (member) => <strong>{member.name}</strong> },
              { id: "email", head: t("field.email"), cell: (member) => member.email },
              {
                id: "role",
                head: t("members.role"),
                cell: (member) =>
                  manage && member.id !== me.user?.id ? (
                    <Select
                      aria-label={t("members.roleOf", { name: member.name })}
                      value={member.role}
                      onChange={(e) => role.mutate({ member, next: e.target.value as Role })}
                    >
                      {ROLES.map((value) => (
                        <option key={value} value={value}>
                          {t(`memberRole.${value}`)}
                        </option>
                      ))}
                    </Select>
                  ) : (
                    t(`memberRole.${member.role}` as MessageKey)
                  ),
              },
              { id: "joined", head: t("members.joined"), cell: (member) => fmt.dateTime(member.joined_at) },
              {
                id: "act",
                head: <span className="visually-hidden">{t("ui.actions")}</span>,
                align: "end",
                cell: (member) =>
                  manage &&
                  member.id !== me.user?.id && (
                    <IconButton
                      icon="trash"
                      label={t("members.remove", { name: member.name })}
                      onClick={() => setRemoving(member)}
                    />
                  ),
              },
            ]}
          />
        )}
        {invites.data && invites.data.items.length > 0 && (
          <>
            <section className={css.section}>
              <h2>{t("members.invites")}</h2>
            </section>
            <Table
              label={t("members.invites")}
              rows={invites.data.items}
              rowKey={(invite) => invite.id}
              columns={[
                { id: "email", head: t("field.email"), cell: (invite) => invite.email },
                { id: "role", head: t("members.role"), cell: (invite) => t(`memberRole.${invite.role}` as MessageKey) },
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
                        onClick={() => cancel.mutate(invite.id)}
                      />
                    ),
                },
              ]}
            />
          </>
        )}
      </PageBody>
      {inviting && <InviteForm organization={organization.id} onDone={refresh} onClose={() => setInviting(false)} />}
      {removing && (
        <RemoveMember
          organization={organization.id}
          member={removing}
          onDone={refresh}
          onClose={() => setRemoving(null)}
        />
      )}
    </>
  );
}

function RemoveMember(props: { organization: string; member: Member; onDone: () => void; onClose: () => void }) {
  const { t } = useLocale();
  const remove = useMutation({
    mutationFn: () => removeMember(props.organization, props.member.id),
    onSuccess: () => {
      props.onDone();
      props.onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("members.remove", { name: props.member.name })}
      action={t("members.removeAction")}
      confirmName={props.member.email}
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={props.onClose}
    >
      <p>{t("members.removeText")}</p>
      {remove.error && <ErrorPanel error={remove.error} />}
    </ConfirmDialog>
  );
}

function InviteForm(props: { organization: string; onDone: () => void; onClose: () => void }) {
  const { t } = useLocale();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const invite = useMutation({
    mutationFn: () => inviteMember(props.organization, { email, role }),
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
            {ROLES.map((value) => (
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
