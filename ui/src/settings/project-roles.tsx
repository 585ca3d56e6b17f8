/** In which projects another role replaces a member's role in the organization. */
import { type InfiniteData, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import type { Member, Page, Role } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextInput } from "../ui/field.tsx";
import { ErrorLine } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { membersQuery, setProjectRole } from "./api.ts";
import { ROLES, RoleSelect, rolesUpTo } from "./roles.tsx";
import css from "./settings.module.css";

/** From here on a list needs a search field. */
const MANY = 12;

interface Change {
  member: Member;
  project: { id: string; name: string };
  role: Role | null;
}

const withRole = (member: Member, project: string, role: Role | null): Member => {
  const { [project]: _old, ...others } = member.project_roles;
  return { ...member, project_roles: role === null ? others : { ...others, [project]: role } };
};

/** Sets roles in single projects: shown at once, taken back when refused, undone from the toast. */
function useProjectRole(organization: string) {
  const { t } = useLocale();
  const client = useQueryClient();
  const toast = useToast();
  const { queryKey } = membersQuery(organization);
  const show = ({ member, project, role }: Change) =>
    client.setQueryData<InfiniteData<Page<Member>>>(
      queryKey,
      (list) =>
        list && {
          ...list,
          pages: list.pages.map((page) => ({
            ...page,
            items: page.items.map((row) => (row.id === member.id ? withRole(row, project.id, role) : row)),
          })),
        },
    );
  const before = ({ member, project }: Change): Role | null => member.project_roles[project.id] ?? null;
  const change = useMutation({
    mutationFn: ({ member, project, role }: Change) => setProjectRole(organization, member.id, project.id, role),
    onMutate: (wanted) => void show(wanted),
    onSuccess: (_done, wanted) =>
      toast(t("members.projectRoleChanged", { name: wanted.member.name, project: wanted.project.name }), {
        undo: () =>
          change.mutate({
            ...wanted,
            member: withRole(wanted.member, wanted.project.id, wanted.role),
            role: before(wanted),
          }),
      }),
    onError: (error, wanted) => {
      show({ ...wanted, role: before(wanted) });
      toast(<ErrorLine error={error} />, { tone: "error" });
    },
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
  return (wanted: Change) => change.mutate(wanted);
}

export function ProjectRoles({ member, onClose }: { member: Member; onClose: () => void }) {
  const { t } = useLocale();
  const { organization } = useProject();
  const set = useProjectRole(organization.id);
  const [text, setText] = useState("");
  const { projects } = organization;
  const shown = projects.filter((project) => project.name.toLowerCase().includes(text.trim().toLowerCase()));
  // Only an organization has owners.
  const roles = rolesUpTo(organization.role).filter((role) => role !== ROLES[0]);
  return (
    <Dialog
      title={t("members.projectRolesOf", { name: member.name })}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t("ui.close")}</Button>}
    >
      <div className={css.form}>
        <p>{t("members.projectRolesText")}</p>
        {projects.length > MANY && (
          <TextInput
            type="search"
            aria-label={t("ui.search")}
            placeholder={t("ui.search")}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
        <ul className={css.projectRoles}>
          {shown.map((project) => (
            <li key={project.id}>
              <span>{project.name}</span>
              <RoleSelect
                label={t("members.roleIn", { project: project.name })}
                value={member.project_roles[project.id] ?? ""}
                roles={roles}
                inherit={t("members.asOrganization", { role: t(`memberRole.${member.role}`) })}
                onChange={(role) => set({ member, project, role })}
              />
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
