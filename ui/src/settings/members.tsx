/** Members of the organization: roles, roles in single projects, invites by link, removal. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import type { Member, Role } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { ErrorLine, ErrorPanel } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { changeRole, membersQuery, removeMember } from "./api.ts";
import { InviteForm, OpenInvites } from "./invites.tsx";
import { ProjectRoles } from "./project-roles.tsx";
import { RoleSelect, rolesUpTo } from "./roles.tsx";
import css from "./settings.module.css";

export default function MembersScreen() {
  const { t, fmt } = useLocale();
  const { organization, me } = useProject();
  const client = useQueryClient();
  const toast = useToast();
  const members = useInfiniteQuery(membersQuery(organization.id));
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  // By id: the dialog follows what the list learns.
  const [rolesOf, setRolesOf] = useState<string | null>(null);
  const refresh = () => {
    void client.invalidateQueries({ queryKey: ["members"] });
    void client.invalidateQueries({ queryKey: ["invites"] });
  };
  const role = useMutation({
    mutationFn: ({ member, next }: { member: Member; next: Role }) => changeRole(organization.id, member.id, next),
    onSuccess: (_done, { member, next }) => {
      toast(t("members.roleChanged", { name: member.name, role: t(`memberRole.${next}`) }), {
        undo: () => role.mutate({ member: { ...member, role: next }, next: member.role }),
      });
      refresh();
    },
    onError: (error) => toast(<ErrorLine error={error} />, { tone: "error" }),
  });
  const mine = rolesUpTo(organization.role);
  const manage = organization.permissions.includes("members:manage");
  const manages = (member: Member) => manage && member.id !== me.user?.id && mine.includes(member.role);
  const names = new Map(organization.projects.map((project) => [project.id, project.name]));
  const shown = members.data?.pages.flatMap((page) => page.items).find((member) => member.id === rolesOf);
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
        <div className={css.fit}>
          <PagedTable
            label={t("nav.members")}
            list={members}
            rowKey={(member) => member.id}
            empty={{ icon: "members", title: t("nav.members") }}
            columns={[
              { id: "name", head: t("field.name"), cell: (member) => <strong>{member.name}</strong> },
              { id: "email", head: t("field.email"), cell: (member) => member.email },
              {
                id: "role",
                head: t("members.role"),
                cell: (member) =>
                  manages(member) ? (
                    <RoleSelect
                      label={t("members.roleOf", { name: member.name })}
                      value={member.role}
                      roles={mine}
                      onChange={(next) => next && role.mutate({ member, next })}
                    />
                  ) : (
                    t(`memberRole.${member.role}`)
                  ),
              },
              {
                id: "projects",
                head: t("members.projectRoles"),
                cell: (member) => (
                  <span className={css.badges}>
                    {Object.entries(member.project_roles).map(([id, other]) => (
                      <Badge key={id}>
                        {names.get(id) ?? id}: {t(`memberRole.${other}`)}
                      </Badge>
                    ))}
                  </span>
                ),
              },
              { id: "joined", head: t("members.joined"), cell: (member) => fmt.dateTime(member.joined_at) },
              {
                id: "act",
                head: <span className="visually-hidden">{t("ui.actions")}</span>,
                align: "end",
                cell: (member) =>
                  manages(member) && (
                    <>
                      {/* An owner can't be shut out of a project. */}
                      {member.role !== "owner" && (
                        <IconButton
                          icon="edit"
                          label={t("members.projectRolesOf", { name: member.name })}
                          onClick={() => setRolesOf(member.id)}
                        />
                      )}
                      <IconButton
                        icon="trash"
                        label={t("members.remove", { name: member.name })}
                        onClick={() => setRemoving(member)}
                      />
                    </>
                  ),
              },
            ]}
          />
        </div>
        <OpenInvites manage={manage} />
      </PageBody>
      {inviting && <InviteForm organization={organization} onDone={refresh} onClose={() => setInviting(false)} />}
      {shown && <ProjectRoles member={shown} onClose={() => setRolesOf(null)} />}
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
