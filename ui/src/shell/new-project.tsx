/** A new project of the organization; the reader is taken there to connect an application. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { meQuery } from "../access/api.ts";
import type { Organization } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { createProject } from "../settings/api.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import css from "./new-project.module.css";

export default function NewProject({ organization, onClose }: { organization: Organization; onClose: () => void }) {
  const { t } = useLocale();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: () => createProject(organization.id, name),
    onSuccess: async (project) => {
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
      void client.invalidateQueries({ queryKey: ["projects"] });
      onClose();
      await navigate({ to: "/p/$project/start", params: { project: project.id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog title={t("project.new")} onClose={onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("field.name")} hint={t("project.newHint", { name: organization.name })}>
          <TextInput required value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        {create.error && <ErrorPanel error={create.error} />}
        <div className={css.actions}>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={create.isPending}>
            {t("project.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
