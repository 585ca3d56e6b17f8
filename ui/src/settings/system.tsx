/** The state of this installation: processes, journal, local models. Watches while it is open. */
import { useQuery } from "@tanstack/react-query";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { modelsQuery, systemQuery } from "./api.ts";
import css from "./settings.module.css";

const TONES: Partial<Record<string, "ok" | "warn" | "error">> = {
  ready: "ok",
  running: "ok",
  starting: "warn",
  restarting: "warn",
  failed: "error",
};

function State({ state }: { state: string }) {
  const { t } = useLocale();
  const key = `state.${state}` as MessageKey;
  const name = t(key);
  return <Badge tone={TONES[state]}>{name === key ? state : name}</Badge>;
}

export default function SystemScreen() {
  const { t, fmt } = useLocale();
  const system = useQuery(systemQuery);
  const models = useQuery(modelsQuery);
  const status = system.data;
  return (
    <>
      <PageHead title={t("nav.system")} lead={status && t("system.lead", { version: status.version })} />
      <PageBody>
        {system.error && <ErrorPanel error={system.error} retry={() => void system.refetch()} />}
        {system.isPending && <Loading />}
        {status && (
          <>
            <section className={css.section}>
              <h2>{t("system.processes")}</h2>
            </section>
            <Table
              label={t("system.processes")}
              rows={status.processes}
              rowKey={(process) => process.name}
              columns={[
                { id: "name", head: t("field.name"), cell: (process) => <strong>{process.name}</strong> },
                { id: "state", head: t("system.state"), cell: (process) => <State state={process.state} /> },
                { id: "pid", head: "PID", align: "end", cell: (process) => process.pid ?? "–" },
                { id: "restarts", head: t("system.restarts"), align: "end", cell: (process) => process.restarts },
                {
                  id: "memory",
                  head: t("system.memory"),
                  align: "end",
                  cell: (process) => fmt.bytes(process.memory_bytes),
                },
              ]}
            />
            <section className={css.section}>
              <h2>{t("system.journal")}</h2>
              {status.journal.failing && <Badge tone="error">{status.journal.failing}</Badge>}
              <dl className={css.facts}>
                <dt>{t("system.lag")}</dt>
                <dd>{fmt.duration(status.journal.lag_s * 1000)}</dd>
                <dt>{t("system.waiting")}</dt>
                <dd>{fmt.count(status.journal.unconsumed_entries)}</dd>
                <dt>{t("system.size")}</dt>
                <dd>{fmt.bytes(status.journal.bytes)}</dd>
                <dt>{t("system.dropped")}</dt>
                <dd>{fmt.count(status.journal.dropped_gateway_records)}</dd>
              </dl>
            </section>
            <section className={css.section}>
              <h2>{t("system.storage")}</h2>
              {status.gateway_config_problem && <p role="alert">{status.gateway_config_problem}</p>}
              <dl className={css.facts}>
                <dt>SQL</dt>
                <dd>{status.sql_engine}</dd>
                <dt>{t("system.columns")}</dt>
                <dd>{t(`columnsEngine.${status.columns_engine}`)}</dd>
                <dt>{t("system.free")}</dt>
                <dd>{fmt.bytes(status.disk_free_bytes)}</dd>
              </dl>
            </section>
          </>
        )}
        {models.data && (
          <>
            <section className={css.section}>
              <h2>{t("system.models")}</h2>
              {models.data.items.length === 0 && <p>{t("system.noModels")}</p>}
            </section>
            {models.data.items.length > 0 && (
              <Table
                label={t("system.models")}
                rows={models.data.items}
                rowKey={(model) => model.name}
                columns={[
                  {
                    id: "name",
                    head: t("field.name"),
                    cell: (model) => (
                      <>
                        <strong>{model.name}</strong>{" "}
                        {model.is_default && <Badge tone="accent">{t("system.default")}</Badge>}
                      </>
                    ),
                  },
                  { id: "label", head: t("system.about"), cell: (model) => model.label },
                  {
                    id: "state",
                    head: t("system.state"),
                    cell: (model) => (
                      <>
                        <State state={model.state} /> {model.problem}
                      </>
                    ),
                  },
                  { id: "licence", head: t("system.licence"), cell: (model) => model.licence },
                  { id: "size", head: t("system.size"), align: "end", cell: (model) => fmt.bytes(model.bytes) },
                  {
                    id: "memory",
                    head: t("system.memory"),
                    align: "end",
                    cell: (model) => fmt.bytes(model.memory_bytes),
                  },
                  {
                    id: "used",
                    head: t("keys.lastUsed"),
                    align: "end",
                    cell: (model) => (model.last_used_at ? fmt.ago(model.last_used_at) : t("keys.never")),
                  },
                ]}
              />
            )}
          </>
        )}
      </PageBody>
    </>
  );
}
