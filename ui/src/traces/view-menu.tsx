/** Views of the traces table: those that come with it, and the reader's and the project's own. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Checkbox, Field, TextInput } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Badge } from "../ui/marks.tsx";
import { Menu, Popover } from "../ui/menu.tsx";
import { ErrorLine, ErrorPanel } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import type { TracesSearch } from "./url.ts";
import css from "./view-menu.module.css";
import {
  createView,
  deleteView,
  queryOfSearch,
  type SavedView,
  sameQuery,
  searchOfQuery,
  updateView,
  viewsQuery,
} from "./views.ts";

interface BuiltIn {
  id: "all" | "traces" | "llm" | "errors" | "slow" | "expensive" | "thumbsDown";
  search: TracesSearch;
}
const BUILT_IN: BuiltIn[] = [
  { id: "all", search: {} },
  { id: "traces", search: { f: [["is_root", "eq", true]] } },
  { id: "llm", search: { f: [["kind", "in", ["llm"]]] } },
  { id: "errors", search: { f: [["status", "in", ["error"]]] } },
  { id: "slow", search: { sort: "duration" } },
  { id: "expensive", search: { sort: "cost" } },
  { id: "thumbsDown", search: { f: [["score.thumbs", "lt", 0.5]] } },
];

export function ViewMenu(props: { search: TracesSearch; onChoose: (search: TracesSearch) => void }) {
  const { t } = useLocale();
  const { project } = useProject();
  const views = useQuery(viewsQuery(project.id));
  const now = queryOfSearch(props.search);
  const current = views.data?.find((view) => sameQuery(view.query, now));
  return (
    <Popover
      label={t("view.label")}
      role="dialog"
      trigger={
        <>
          <span className={css.current}>{current?.name ?? t("view.label")}</span> <Icon name="down" size={12} />
        </>
      }
    >
      {(close) => {
        const choose = (search: TracesSearch) => {
          props.onChoose(search);
          close();
        };
        // A built-in view says nothing of columns: those that are shown stay.
        const kept = props.search.cols ? { cols: props.search.cols } : {};
        return (
          <div className={css.panel}>
            {BUILT_IN.map((view) => (
              <Button
                key={view.id}
                variant="ghost"
                className={css.choice}
                aria-pressed={sameQuery(queryOfSearch({ ...view.search, ...kept }), now)}
                onClick={() => choose({ ...view.search, ...kept })}
              >
                {t(`view.${view.id}`)}
              </Button>
            ))}
            {views.error && <ErrorPanel error={views.error} retry={() => void views.refetch()} />}
            {views.data && views.data.length > 0 && (
              <section aria-label={t("view.saved")}>
                <h2 className={css.head}>{t("view.saved")}</h2>
                <ul className={css.list}>
                  {views.data.map((view) => (
                    <SavedRow
                      key={view.id}
                      view={view}
                      search={props.search}
                      current={view === current}
                      onChoose={() => choose(searchOfQuery(view.query))}
                    />
                  ))}
                </ul>
              </section>
            )}
            <SaveForm search={props.search} />
          </div>
        );
      }}
    </Popover>
  );
}

/** What every change of a view ends with: the list is read again, a failure is said. */
function useViewChange<Input>(change: (input: Input) => Promise<unknown>) {
  const { project } = useProject();
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: change,
    onSettled: () => client.invalidateQueries({ queryKey: ["views", project.id] }),
    onError: (error) => toast(<ErrorLine error={error} />, { tone: "error" }),
  });
}

function SavedRow(props: { view: SavedView; search: TracesSearch; current: boolean; onChoose: () => void }) {
  const { t } = useLocale();
  const { project, can } = useProject();
  const toast = useToast();
  const { view } = props;
  const [renaming, setRenaming] = useState(false);
  const update = useViewChange((body: Parameters<typeof updateView>[2]) => updateView(project.id, view.id, body));
  const restore = useViewChange(() =>
    createView(project.id, { name: view.name, is_shared: view.is_shared, query: view.query }),
  );
  const remove = useViewChange(async () => {
    await deleteView(project.id, view.id);
    toast(t("view.deleted", { name: view.name }), { undo: () => restore.mutate(undefined) });
  });
  if (renaming)
    return (
      <li>
        <RenameForm
          name={view.name}
          onCancel={() => setRenaming(false)}
          onRename={(name) => {
            setRenaming(false);
            if (name !== view.name) update.mutate({ name });
          }}
        />
      </li>
    );
  return (
    <li className={css.row}>
      <Button variant="ghost" className={css.choice} aria-pressed={props.current} onClick={props.onChoose}>
        <span className={css.name}>{view.name}</span>
        {view.is_shared && <Badge>{t("view.shared")}</Badge>}
      </Button>
      {(view.is_own || can("project:manage")) && (
        <Menu
          label={t("view.actions", { name: view.name })}
          iconOnly
          align="end"
          trigger={<Icon name="more" size={14} />}
          items={[
            {
              label: t("view.update"),
              icon: "check",
              run: () =>
                update.mutate(
                  { query: queryOfSearch(props.search) },
                  {
                    onSuccess: () =>
                      toast(t("view.updated", { name: view.name }), {
                        undo: () => update.mutate({ query: view.query }),
                      }),
                  },
                ),
            },
            { label: t("view.rename"), icon: "edit", run: () => setRenaming(true) },
            ...(can("traces:write")
              ? [
                  {
                    label: t(view.is_shared ? "view.unshare" : "view.share"),
                    icon: "members" as const,
                    run: () => update.mutate({ is_shared: !view.is_shared }),
                  },
                ]
              : []),
            "line",
            { label: t("view.delete"), icon: "trash", danger: true, run: () => remove.mutate(undefined) },
          ]}
        />
      )}
    </li>
  );
}

function RenameForm(props: { name: string; onRename: (name: string) => void; onCancel: () => void }) {
  const { t } = useLocale();
  const [name, setName] = useState(props.name);
  return (
    <form
      className={css.rename}
      onSubmit={(event) => {
        event.preventDefault();
        props.onRename(name);
      }}
    >
      <TextInput
        // The field takes the place of the row that the reader was on.
        ref={(input) => input?.focus()}
        aria-label={t("view.name")}
        required
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Button type="submit">{t("view.rename")}</Button>
      <IconButton icon="close" label={t("ui.cancel")} onClick={props.onCancel} />
    </form>
  );
}

function SaveForm({ search }: { search: TracesSearch }) {
  const { t } = useLocale();
  const { project, can } = useProject();
  const toast = useToast();
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const create = useViewChange(() => createView(project.id, { name, is_shared: shared, query: queryOfSearch(search) }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(undefined, {
      onSuccess: () => {
        toast(t("view.savedNow", { name }));
        setName("");
        setShared(false);
      },
    });
  };
  return (
    <form className={css.save} onSubmit={submit}>
      <Field label={t("view.saveAs")} hint={t("view.saveHint")}>
        <TextInput required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      {can("traces:write") && (
        <Checkbox label={t("view.shareNew")} checked={shared} onChange={(event) => setShared(event.target.checked)} />
      )}
      <Button type="submit" variant="primary" busy={create.isPending} disabled={name.trim() === ""}>
        {t("view.save")}
      </Button>
    </form>
  );
}
