/** Deleting a project: how many rows go from which stores, and its name typed. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { meQuery } from "../access/api.ts";
import { useProject } from "../access/project.tsx";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { deleteProject, projectContentsQuery, projectsQuery } from "./api.ts";
import css from "./settings.module.css";

export function DeleteProject(props: { project: { id: string; name: string }; onClose: () => void }) {
  const { t, fmt } = useLocale();
  const { organization, project: current, me } = useProject();
  const client = useQueryClient();
  const navigate = useNavigate();
  const toast = useToast();
  const { id } = props.project;
  const contents = useQuery(projectContentsQuery(organization.id, id));
  // Asked of the server just now: the list may show an older name.
  const name = contents.data?.name ?? props.project.name;
  const remove = useMutation({
    mutationFn: () => deleteProject(organization.id, id),
    onSuccess: async () => {
      if (id === current.id) {
        const next = me.organizations.flatMap((owner) => owner.projects).find((other) => other.id !== id);
        if (next === undefined) return location.assign("/");
        // Before `me` is read again: this screen stands on the project that is gone.
        await navigate({ to: "/p/$project/settings/projects", params: { project: next.id } });
      }
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
      await client.invalidateQueries({ queryKey: projectsQuery(organization.id).queryKey });
      toast(t("projects.deleted", { name }));
      props.onClose();
    },
  });
  const label = (table: string) => {
    const key = `rows.${table}` as MessageKey;
    const text = t(key);
    return text === key ? table : text;
  };
  return (
    <ConfirmDialog
      title={t("projects.delete", { name })}
      action={t("projects.deleteAction")}
      confirmName={name}
      busy={remove.isPending || !contents.data}
      onConfirm={() => remove.mutate()}
      onClose={props.onClose}
    >
      <p>{t("projects.deleteText")}</p>
      {contents.isPending && <Loading />}
      {contents.error && <ErrorPanel error={contents.error} retry={() => void contents.refetch()} />}
      {contents.data?.items.length === 0 && <p>{t("projects.empty")}</p>}
      {contents.data && contents.data.items.length > 0 && (
        <table className={css.rows}>
          <thead>
            <tr>
              <th scope="col">{t("projects.what")}</th>
              <th scope="col">{t("projects.store")}</th>
              <th scope="col">{t("projects.rows")}</th>
            </tr>
          </thead>
          <tbody>
            {contents.data.items.map((item) => (
              <tr key={item.store + item.name}>
                <td>{label(item.name)}</td>
                <td>{label(item.store)}</td>
                <td>{fmt.count(item.rows)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {remove.error && <ErrorPanel error={remove.error} />}
    </ConfirmDialog>
  );
}
