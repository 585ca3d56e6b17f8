/** Saving: what changes, why, and a way out when somebody else saved first. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError } from "../api/http.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { configQuery, saveConfig } from "./api.ts";
import { DiffView } from "./diff-view.tsx";
import type { DraftView } from "./draft.ts";
import css from "./gateway.module.css";
import { merge } from "./line-diff.ts";
import { useGateway } from "./text/index.ts";

const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && error.problem.code === "gateway_config_conflict";

export function SaveDialog({ draft, onClose }: { draft: DraftView; onClose: () => void }) {
  const { g, t } = useGateway();
  const client = useQueryClient();
  const toast = useToast();
  const [message, setMessage] = useState("");
  const save = useMutation({
    mutationFn: () => saveConfig(draft.text, message.trim(), draft.baseVersion),
    onSuccess: async (saved) => {
      client.setQueryData(configQuery.queryKey, saved);
      draft.discard();
      toast(g("save.done", { version: saved.version }));
      onClose();
      await client.invalidateQueries({ queryKey: ["gateway-config-versions"] });
      await client.invalidateQueries({ queryKey: ["gateway-status"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const conflict = draft.behind || isConflict(save.error);
  return (
    <Dialog title={g(conflict ? "save.conflict" : "save.title")} onClose={onClose} wide>
      {conflict ? (
        <Conflict draft={draft} onSettled={() => save.reset()} />
      ) : (
        <form className={css.stack} onSubmit={submit}>
          <Field label={g("save.message")} hint={g("save.messageHint")}>
            <TextInput value={message} maxLength={500} onChange={(e) => setMessage(e.target.value)} />
          </Field>
          <DiffView
            before={draft.base}
            after={draft.text}
            beforeLabel={g("save.inForce")}
            afterLabel={g("save.yours")}
          />
          {save.error && <ErrorPanel error={save.error} />}
          <div className={css.actions}>
            <Button onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" variant="primary" busy={save.isPending}>
              {g("save.action")}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** Somebody saved after this draft began: take both changes where they don't touch, or choose. */
function Conflict({ draft, onSettled }: { draft: DraftView; onSettled: () => void }) {
  const { g } = useGateway();
  const latest = useQuery({ ...configQuery, staleTime: 0, refetchOnMount: "always", refetchInterval: false });
  if (latest.error) return <ErrorPanel error={latest.error} retry={() => void latest.refetch()} />;
  if (latest.isFetching || !latest.data) return <Loading />;
  const theirs = latest.data;
  const both = merge(draft.base, draft.text, theirs.text);
  const settle = (text: string) => {
    draft.rebase(theirs, text);
    onSettled();
  };
  return (
    <div className={css.stack}>
      <p>{g(both === null ? "save.conflictOverlap" : "save.conflictMerge")}</p>
      <DiffView
        before={theirs.text}
        after={both ?? draft.text}
        beforeLabel={g("save.theirs")}
        afterLabel={g(both === null ? "save.yours" : "save.both")}
        style="split"
      />
      <div className={css.actions}>
        <Button onClick={() => settle(theirs.text)}>{g("save.takeTheirs")}</Button>
        <Button variant={both === null ? "primary" : "default"} onClick={() => settle(draft.text)}>
          {g("save.takeMine")}
        </Button>
        {both !== null && (
          <Button variant="primary" onClick={() => settle(both)}>
            {g("save.takeBoth")}
          </Button>
        )}
      </div>
    </div>
  );
}
