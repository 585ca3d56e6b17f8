/** Configuration: the YAML with the server's errors at their lines, and every version that came into force. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useProject } from "../access/project.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { SideSplit } from "../ui/split.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { useDraft, useValidation } from "./draft.ts";
import { DraftBar } from "./draft-bar.tsx";
import css from "./gateway.module.css";
import { History } from "./history.tsx";
import { useGateway } from "./text/index.ts";

const YamlEditor = lazy(() => import("./editor.tsx"));

export default function ConfigScreen() {
  const { g } = useGateway();
  const { can } = useProject();
  const navigate = useNavigate();
  const line = useSearch({ strict: false, select: (search) => (search as { line?: number }).line ?? null });
  const draft = useDraft();
  const { config } = draft;
  const mayChange = can("gateway:manage") && config?.writable !== false;
  const validation = useValidation(draft.text, draft.changed && can("gateway:manage"));
  const problem = draft.changed ? validation.problem : (config?.problem ?? null);
  const show = (to: number) => void navigate({ to: ".", search: { line: to } as never, replace: true });
  return (
    <>
      <PageHead title={g("config.title")} lead={g("config.lead")}>
        {config && (
          <>
            {!config.writable && <Badge tone="warn">{g("config.readOnly")}</Badge>}
            <span className={css.quiet}>
              {g("config.inForce")} <code>{config.version}</code>
            </span>
            {config.path !== "" && <code className={css.quiet}>{config.path}</code>}
          </>
        )}
      </PageHead>
      <DraftBar draft={draft} validation={validation} mayChange={mayChange} onShowLine={show} />
      {config && !config.writable && can("gateway:manage") && (
        <p className={css.bar}>
          {g(config.path === "" ? "config.noFile" : "config.notWritable", { path: config.path })}
        </p>
      )}
      {draft.error ? (
        <ErrorPanel error={draft.error} retry={draft.refetch} />
      ) : config ? (
        <SideSplit
          name="gateway-config"
          label={g("config.resize")}
          initial={340}
          side={<History draft={draft} mayChange={mayChange} />}
        >
          <Suspense fallback={<Loading />}>
            <YamlEditor
              value={draft.text}
              label={g("config.editor")}
              readOnly={!mayChange}
              problem={problem}
              line={line}
              onChange={(text) => draft.edit(text, "editor")}
            />
          </Suspense>
        </SideSplit>
      ) : (
        <Loading />
      )}
    </>
  );
}
