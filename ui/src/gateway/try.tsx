/** Try it: a real call through the gateway, what it answered, which way it went, and the code that makes it. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { useProject } from "../access/project.tsx";
import { Button } from "../ui/button.tsx";
import { CodeBlock } from "../ui/copy.tsx";
import { Checkbox, Field, TextArea, TextInput } from "../ui/field.tsx";
import { KeyName, useKeys } from "../ui/keys.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { TabPanel, Tabs } from "../ui/tabs.tsx";
import { statusQuery } from "./api.ts";
import { callSnippet, LANGUAGES, type SnippetLanguage } from "./call-snippets.ts";
import { type CallState, type ChatRequest, EMPTY_CALL, runCall } from "./chat-call.ts";
import { useGateway } from "./text/index.ts";
import css from "./try.module.css";
import { useTryKey } from "./try-key.ts";
import { TryPlan } from "./try-plan.tsx";
import { TryResult } from "./try-result.tsx";

/** `plan=free, tier=2` as people type it; what has no `=` isn't taken. */
export function metadataOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(/[,、\n]/).flatMap((part) => {
      const at = part.indexOf("=");
      return at > 0 ? [[part.slice(0, at).trim(), part.slice(at + 1).trim()]] : [];
    }),
  );
}

/** A call under way: started, stopped, and stopped too when the screen is left. */
function useCall() {
  const [call, setCall] = useState<CallState | null>(null);
  const [error, setError] = useState<unknown>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const run = async (request: ChatRequest, key: () => Promise<string>) => {
    abort.current?.abort();
    const controller = new AbortController();
    abort.current = controller;
    setError(null);
    setCall(EMPTY_CALL);
    try {
      await runCall(request, await key(), controller.signal, (state) => {
        if (abort.current === controller) setCall(state);
      });
    } catch (failure) {
      setCall(null);
      setError(failure);
    }
  };
  return { call, error, run, stop: () => abort.current?.abort() };
}

export default function TryScreen() {
  const { g } = useGateway();
  const { project, can } = useProject();
  const status = useQuery({ ...statusQuery, enabled: can("gateway:read"), refetchInterval: false });
  const [draft, setDraft] = useState({ model: "", system: "", message: "", metadata: "", maxTokens: "256" });
  const [stream, setStream] = useState(true);
  const [ownKey, setOwnKey] = useState("");
  const { call, error, run, stop } = useCall();
  const makeKey = useTryKey(project.id, g("try.keyName"));
  const mayMake = can("keys:manage");
  const names = [
    ...(status.data?.routes.map((route) => route.name) ?? []),
    ...(status.data?.targets.map((target) => target.name) ?? []),
  ];
  const request: ChatRequest = {
    model: draft.model.trim() || names[0] || "",
    system: draft.system,
    message: draft.message || g("try.hello"),
    stream,
    maxTokens: Number(draft.maxTokens) || null,
    metadata: metadataOf(draft.metadata),
  };
  const set = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const ready = request.model !== "" && (mayMake || ownKey !== "");
  const go = () => {
    if (ready) void run(request, ownKey !== "" ? async () => ownKey.trim() : makeKey);
  };
  useKeys([{ keys: "mod+Enter", label: "keys.run", run: go }]);
  const busy = call?.phase === "waiting" || call?.phase === "streaming";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go();
  };
  return (
    <>
      <PageHead title={g("try.title")} lead={g("try.lead")} />
      <PageBody>
        <div className={css.columns}>
          <form className={css.form} onSubmit={submit}>
            <ModelField names={names} value={draft.model} onChange={(model) => set({ model })} />
            <Field label={g("try.message")}>
              <TextArea
                rows={4}
                placeholder={g("try.hello")}
                value={draft.message}
                onChange={(e) => set({ message: e.target.value })}
              />
            </Field>
            <details className={css.more}>
              <summary>{g("try.more")}</summary>
              <div className={css.form}>
                <Field label={g("try.system")}>
                  <TextArea rows={2} value={draft.system} onChange={(e) => set({ system: e.target.value })} />
                </Field>
                <Field label={g("try.metadata")} hint={g("try.metadataHint")}>
                  <TextInput
                    placeholder="plan=free, tier=2"
                    value={draft.metadata}
                    onChange={(e) => set({ metadata: e.target.value })}
                  />
                </Field>
                <Field label={g("try.maxTokens")}>
                  <TextInput
                    type="number"
                    min={1}
                    value={draft.maxTokens}
                    onChange={(e) => set({ maxTokens: e.target.value })}
                  />
                </Field>
              </div>
            </details>
            <Field label={g("try.key")} hint={g(mayMake ? "try.keyMade" : "try.keyNeeded")}>
              <TextInput
                type="password"
                autoComplete="off"
                placeholder={mayMake ? g("try.keyAuto") : "kn-sk-…"}
                value={ownKey}
                onChange={(e) => setOwnKey(e.target.value)}
              />
            </Field>
            <div className={css.row}>
              <Checkbox label={g("try.stream")} checked={stream} onChange={(e) => setStream(e.target.checked)} />
              <span className={css.grow} />
              {busy ? (
                <Button icon="pause" onClick={stop}>
                  {g("try.stop")}
                </Button>
              ) : (
                <Button type="submit" variant="primary" icon="play" disabled={!ready}>
                  {g("try.run")} <KeyName keys="mod+Enter" />
                </Button>
              )}
            </div>
            {can("gateway:read") && <TryPlan request={request} />}
          </form>
          <div className={css.right}>
            {error !== null && <ErrorPanel error={error} />}
            {call ? <TryResult call={call} /> : <p className={css.quiet}>{g("try.waiting")}</p>}
            <Snippets request={request} />
          </div>
        </div>
      </PageBody>
    </>
  );
}

function ModelField(props: { names: string[]; value: string; onChange: (model: string) => void }) {
  const { g } = useGateway();
  const list = useId();
  return (
    <>
      <Field label={g("try.model")} hint={g("try.modelHint")}>
        <TextInput
          list={list}
          placeholder={props.names[0] ?? "provider/model"}
          value={props.value}
          onChange={(e) => props.onChange(e.target.value)}
        />
      </Field>
      <datalist id={list}>
        {[...new Set(props.names)].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

function Snippets({ request }: { request: ChatRequest }) {
  const { g } = useGateway();
  const [language, setLanguage] = useState<SnippetLanguage>("curl");
  return (
    <section className={css.snippets}>
      <h2>{g("try.code")}</h2>
      <p className={css.quiet}>{g("try.codeText")}</p>
      <Tabs
        id="call"
        label={g("try.code")}
        value={language}
        tabs={LANGUAGES.map((value) => ({
          value,
          label: { curl: "curl", python: "Python", typescript: "TypeScript" }[value],
        }))}
        onChange={setLanguage}
      />
      <TabPanel id="call" value={language}>
        <CodeBlock code={callSnippet(language, location.origin, request)} label={g("try.code")} />
      </TabPanel>
    </section>
  );
}
