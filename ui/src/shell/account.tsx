/** The signed-in person: who, and the way out. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { logOut } from "../access/api.ts";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";

export function AccountMenu({ narrow, triggerClass }: { narrow: boolean; triggerClass?: string | undefined }) {
  const { t } = useLocale();
  const { me, project } = useProject();
  const client = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: logOut,
    onSettled: async () => {
      client.clear();
      await navigate({ to: "/login" });
    },
  });
  const name = me.user?.name || me.user?.email || me.principal.name;
  return (
    <Menu
      label={t("shell.account", { name })}
      triggerClass={triggerClass}
      iconOnly={narrow}
      trigger={narrow ? <Icon name="users" /> : <span>{name}</span>}
      items={[
        {
          label: t("nav.tokens"),
          icon: "token",
          run: () => void navigate({ to: "/p/$project/settings/tokens", params: { project: project.id } }),
        },
        "line",
        { label: t("shell.logout"), icon: "logout", run: () => leave.mutate() },
      ]}
    />
  );
}
