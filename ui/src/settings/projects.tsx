/** The organization's projects: create, rename, delete. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { meQuery } from "../access/api.ts";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import NewProject from "../shell/new-project.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { projectsQuery, renameProject } from "./api.ts";
import { DeleteProject } from "./delete-project.tsx";
import { RenameDialog, useRename } from "./rename.tsx";

interface Row {
  id: string;
  name: string;
}

export default function ProjectsScreen() {
  const { t, fmt } = useLocale();
  const { organization, project } = useProject();
  const client = useQueryClient();
  const query = projectsQuery(organization.id);
  const list = useInfiniteQuery(query);
  const [creating, setCreating] = useState(false);
  const [renaming, setRenaming] = useState<Row | null>(null);
  const [deleting, setDeleting] = useState<Row | null>(null);
  const rename = useRename(query.queryKey, async (id, name) => {
    await renameProject(organization.id, id, name);
    // The navigation shows the name too.
    await client.fetchQuery({ ...meQuery, staleTime: 0 });
  });
  const manage = organization.permissions.includes("project:manage");
  return (
    <>
      <PageHead title={t("nav.projects")} lead={t("projects.lead", { name: organization.name })}>
        {manage && (
          <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
            {t("project.create")}
          </Button>
        )}
      </PageHead>
      <PageBody>
        <PagedTable
          label={t("nav.projects")}
          list={list}
          rowKey={(row) => row.id}
          empty={{ icon: "settings", title: t("outside.noProject") }}
          columns={[
            {
              id: "name",
              head: t("field.name"),
              cell: (row) => (
                <>
                  <strong>{row.name}</strong>{" "}
                  {row.id === project.id && <Badge tone="accent">{t("projects.current")}</Badge>}
                </>
              ),
            },
            { id: "id", head: t("projects.id"), cell: (row) => <code>{row.id}</code> },
            { id: "created", head: t("keys.created"), cell: (row) => fmt.dateTime(row.created_at) },
            {
              id: "act",
              head: <span className="visually-hidden">{t("ui.actions")}</span>,
              align: "end",
              cell: (row) =>
                manage && (
                  <>
                    <IconButton
                      icon="edit"
                      label={t("rename.title", { name: row.name })}
                      onClick={() => setRenaming(row)}
                    />
                    <IconButton
                      icon="trash"
                      label={t("projects.delete", { name: row.name })}
                      onClick={() => setDeleting(row)}
                    />
                  </>
                ),
            },
          ]}
        />
      </PageBody>
      {creating && <NewProject organization={organization} onClose={() => setCreating(false)} />}
      {renaming && <RenameDialog row={renaming} onRename={rename} onClose={() => setRenaming(null)} />}
      {deleting && <DeleteProject project={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
