/** Renaming: shown at once, taken back when the server refuses, and undone from the toast. */
import { type InfiniteData, type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Page } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { ErrorLine } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import css from "./settings.module.css";

interface Named {
  id: string;
  name: string;
}

/** Renames a row of the cursor-paged list under `queryKey`. */
export function useRename(queryKey: QueryKey, save: (id: string, name: string) => Promise<unknown>) {
  const { t } = useLocale();
  const client = useQueryClient();
  const toast = useToast();
  const show = (id: string, name: string) =>
    client.setQueryData<InfiniteData<Page<Named>>>(
      queryKey,
      (list) =>
        list && {
          ...list,
          pages: list.pages.map((page) => ({
            ...page,
            items: page.items.map((row) => (row.id === id ? { ...row, name } : row)),
          })),
        },
    );
  const rename = useMutation({
    mutationFn: ({ row, name }: { row: Named; name: string }) => save(row.id, name),
    onMutate: ({ row, name }) => void show(row.id, name),
    onSuccess: (_saved, { row, name }) =>
      toast(t("rename.done", { name }), {
        undo: () => rename.mutate({ row: { id: row.id, name }, name: row.name }),
      }),
    onError: (error, { row }) => {
      show(row.id, row.name);
      toast(<ErrorLine error={error} />, { tone: "error" });
    },
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
  return (row: Named, name: string) => rename.mutate({ row, name });
}

const MAX_NAME = 200;

export function RenameDialog(props: { row: Named; onRename: (row: Named, name: string) => void; onClose: () => void }) {
  const { t } = useLocale();
  const [name, setName] = useState(props.row.name);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = name.trim();
    if (next !== props.row.name) props.onRename(props.row, next);
    props.onClose();
  };
  return (
    <Dialog title={t("rename.title", { name: props.row.name })} onClose={props.onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("field.name")}>
          <TextInput required maxLength={MAX_NAME} value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" disabled={name.trim() === ""}>
            {t("rename.action")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
