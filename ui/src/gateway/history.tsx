/** Every configuration that came into force: who, when, why; what it changed; and back to it. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { Badge } from "../ui/marks.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { type ConfigVersion, configQuery, restoreVersion, versionQuery, versionsQuery } from "./api.ts";
import { DiffView } from "./diff-view.tsx";
import type { DraftView } from "./draft.ts";
import gateway from "./gateway.module.css";
import css from "./history.module.css";
import { useGateway } from "./text/index.ts";

export function History({ draft, mayChange }: { draft: DraftView; mayChange: boolean }) {
  const { g, t, fmt } = useGateway();
  const versions = useInfiniteQuery(versionsQuery);
  const [open, setOpen] = useState<{ version: ConfigVersion; before: ConfigVersion | null } | null>(null);
  if (versions.error) return <ErrorPanel error={versions.error} retry={() => void versions.refetch()} />;
  if (!versions.data) return <Loading />;
  const rows = versions.data.pages.flatMap((page) => page.items);
  return (
    <section className={css.history} aria-label={g("history.title")}>
      <h2 className={css.head}>{g("history.title")}</h2>
      <ol className={css.list}>
        {rows.map((version, at) => (
          <li key={version.id} className={css.item}>
            <div className={css.first}>
              <time dateTime={version.created_at} title={fmt.dateTime(version.created_at)}>
                {fmt.ago(version.created_at)}
              </time>
              <span className={css.author}>{version.author_name || g(`source.${version.source}`)}</span>
              {version.in_force && <Badge tone="ok">{g("history.inForce")}</Badge>}
            </div>
            <p className={css.message}>
              {version.message || <span className={css.quiet}>{g(`source.${version.source}Text`)}</span>}
            </p>
            <div className={css.first}>
              <code className={css.quiet}>{version.version}</code>
              <Button onClick={() => setOpen({ version, before: rows[at + 1] ?? null })}>
                {g("history.changes")}
                <span className="visually-hidden"> {version.version}</span>
              </Button>
            </div>
          </li>
        ))}
      </ol>
      {versions.hasNextPage && (
        <Button busy={versions.isFetchingNextPage} onClick={() => void versions.fetchNextPage()}>
          {t("paged.more")}
        </Button>
      )}
      {open && <VersionDialog {...open} draft={draft} mayChange={mayChange} onClose={() => setOpen(null)} />}
    </section>
  );
}

type Against = "before" | "now";

function VersionDialog(props: {
  version: ConfigVersion;
  before: ConfigVersion | null;
  draft: DraftView;
  mayChange: boolean;
  onClose: () => void;
}) {
  const { g, fmt } = useGateway();
  const { version, before, draft } = props;
  const [against, setAgainst] = useState<Against>("before");
  const text = useQuery(versionQuery(version.id));
  const old = useQuery({ ...versionQuery(before?.id ?? ""), enabled: before !== null });
  const error = text.error ?? old.error;
  const ready = text.data && (before === null || old.data);
  return (
    <Dialog title={g("history.version", { version: version.version })} onClose={props.onClose} wide>
      <div className={gateway.stack}>
        <p className={css.quiet}>
          {fmt.dateTime(version.created_at)} · {version.author_name || g(`source.${version.source}`)}
          {version.message && ` · ${version.message}`}
        </p>
        <div className={gateway.row}>
          <Button aria-pressed={against === "before"} onClick={() => setAgainst("before")}>
            {g("history.againstBefore")}
          </Button>
          <Button aria-pressed={against === "now"} onClick={() => setAgainst("now")}>
            {g("history.againstNow")}
          </Button>
        </div>
        {error && <ErrorPanel error={error} />}
        {!error && !ready && <Loading />}
        {ready && text.data && (
          <DiffView
            key={against}
            before={against === "before" ? (old.data?.text ?? "") : (draft.config?.text ?? "")}
            after={text.data.text}
            beforeLabel={against === "before" ? (before?.version ?? g("history.nothing")) : g("history.now")}
            afterLabel={version.version}
            style="split"
          />
        )}
        {!version.in_force && props.mayChange && <Restore {...props} />}
      </div>
    </Dialog>
  );
}

function Restore({ version, draft, onClose }: { version: ConfigVersion; draft: DraftView; onClose: () => void }) {
  const { g } = useGateway();
  const client = useQueryClient();
  const toast = useToast();
  const [message, setMessage] = useState("");
  const restore = useMutation({
    mutationFn: () => restoreVersion(version.id, message.trim(), draft.config?.text_version ?? ""),
    onSuccess: async (saved) => {
      client.setQueryData(configQuery.queryKey, saved);
      draft.discard();
      toast(g("history.restored", { version: version.version }));
      onClose();
      await client.invalidateQueries({ queryKey: versionsQuery.queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    restore.mutate();
  };
  return (
    <form className={gateway.stack} onSubmit={submit}>
      <Field label={g("save.message")} hint={draft.changed ? g("history.losesDraft") : g("history.restoreHint")}>
        <TextInput maxLength={500} value={message} onChange={(e) => setMessage(e.target.value)} />
      </Field>
      {restore.error && <ErrorPanel error={restore.error} />}
      <div className={gateway.actions}>
        <Button type="submit" variant="primary" busy={restore.isPending}>
          {g("history.restore")}
        </Button>
      </div>
    </form>
  );
}
