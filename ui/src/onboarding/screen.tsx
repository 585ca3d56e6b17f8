/** Connect an application: the exact snippet with the real endpoint and key; turns green when the first span arrives. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { createKey, modelsQuery } from "../settings/api.ts";
import { newestSpanQuery } from "../traces/api.ts";
import { Button } from "../ui/button.tsx";
import { CodeBlock, CopyButton } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { TabPanel, Tabs } from "../ui/tabs.tsx";
import { DemoData } from "./demo-data.tsx";
import css from "./screen.module.css";
import { KEY_PLACEHOLDER, SNIPPET_KINDS, type SnippetKind, snippet } from "./snippets.ts";

const POLL_MS = 1500;

export default function StartScreen() {
  const { t } = useLocale();
  const { project, can } = useProject();
  const [kind, setKind] = useState<SnippetKind>("openai");
  const [since] = useState(() => Date.now());
  const key = useMutation({
    mutationFn: () => createKey(project.id, { name: t("start.keyName") }),
  });
  const models = useQuery({ ...modelsQuery, refetchInterval: false, retry: false });
  const arrived = useQuery({ ...newestSpanQuery(project.id), refetchInterval: POLL_MS });
  const first = arrived.data?.items[0];
  // A span that was there before counts too: the connection works.
  const isNew = first !== undefined && Date.parse(first.start_time) > since - 60_000;
  const model =
    models.data?.items.find((candidate) => candidate.is_default)?.name ?? models.data?.items[0]?.name ?? "smollm2";
  const secret = key.data?.secret_key;
  const code = snippet(kind, location.origin, secret ?? KEY_PLACEHOLDER, model);
  return (
    <>
      <PageHead title={t("nav.start")} lead={t("start.lead")} />
      <PageBody>
        <ol className={css.steps}>
          <li>
            <h2>{t("start.key")}</h2>
            <p>{t("start.keyText")}</p>
            {secret ? (
              <div className={css.secret}>
                <code data-secret>{secret}</code>
                <CopyButton text={secret} label={t("ui.copy")}>
                  {t("ui.copy")}
                </CopyButton>
              </div>
            ) : (
              can("keys:manage") && (
                <Button variant="primary" icon="key" busy={key.isPending} onClick={() => key.mutate()}>
                  {t("start.createKey")}
                </Button>
              )
            )}
            {key.error && <ErrorPanel error={key.error} />}
          </li>
          <li>
            <h2>{t("start.connect")}</h2>
            <p>{t(`start.${kind}Text`)}</p>
            <div className={css.snippet}>
              <Tabs
                id="snippet"
                label={t("start.connect")}
                value={kind}
                tabs={SNIPPET_KINDS.map((value) => ({ value, label: t(`start.${value}`) }))}
                onChange={setKind}
              />
              <TabPanel id="snippet" value={kind} className={css.panel}>
                <CodeBlock code={code} label={t(`start.${kind}`)} />
                {kind === "opentelemetry" && <p className={css.note}>{t("start.otelNote")}</p>}
              </TabPanel>
            </div>
          </li>
          <li>
            <h2>{t("start.first")}</h2>
            <div className={first ? css.arrived : css.waiting} role="status">
              {first ? (
                <>
                  <Icon name="check" size={20} />
                  <span>
                    <strong>{t(isNew ? "start.arrived" : "start.already")}</strong> {first.name}
                  </span>
                  <Link
                    to="/p/$project/traces/$traceId"
                    params={{ project: project.id, traceId: first.trace_id }}
                    search={{ span: first.span_id }}
                  >
                    {t("start.open")}
                  </Link>
                </>
              ) : (
                <>
                  <span className={css.dot} aria-hidden="true" />
                  <span>{t("start.waiting")}</span>
                </>
              )}
            </div>
            {arrived.error && <ErrorPanel error={arrived.error} />}
            <div className={css.demo}>
              <p>
                {t("start.demo")} <code>./dev demo</code>
              </p>
              <p>{t("start.demoData")}</p>
              <DemoData />
            </div>
          </li>
        </ol>
      </PageBody>
    </>
  );
}
