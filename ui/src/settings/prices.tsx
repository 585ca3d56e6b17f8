/** Prices: what the built-in snapshot says, and the project's own prices that stand above it. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { Price } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { SearchBox } from "../traces/filter-bar.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog, Dialog } from "../ui/dialog.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { createPrice, deletePrice, pricesQuery, snapshotQuery } from "./api.ts";
import css from "./settings.module.css";

const BUCKETS = ["input_uncached", "cache_read", "cache_write", "output_text", "reasoning"] as const;

export default function PricesScreen() {
  const { t, fmt } = useLocale();
  const { project, can } = useProject();
  const navigate = useNavigate();
  const q = useSearch({ strict: false, select: (search) => (search as { q?: string }).q ?? "" });
  const own = useQuery(pricesQuery(project.id));
  const snapshot = useInfiniteQuery(snapshotQuery(q));
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Price | null>(null);
  const manage = can("prices:manage");
  return (
    <>
      <PageHead title={t("nav.prices")} lead={t("prices.lead")}>
        {manage && (
          <Button variant="primary" icon="plus" onClick={() => setAdding(true)}>
            {t("prices.add")}
          </Button>
        )}
      </PageHead>
      <PageBody>
        <section className={css.section}>
          <h2>{t("prices.own")}</h2>
          {own.data?.items.length === 0 && <p>{t("prices.ownNone")}</p>}
          {own.error && <ErrorPanel error={own.error} retry={() => void own.refetch()} />}
        </section>
        {own.data && own.data.items.length > 0 && (
          <Table
            label={t("prices.own")}
            rows={own.data.items}
            rowKey={(price) => price.id}
            columns={[
              { id: "provider", head: t("col.provider"), cell: (price) => price.provider || t("prices.any") },
              { id: "match", head: t("prices.match"), cell: (price) => t(`match.${price.match}`) },
              { id: "pattern", head: t("col.model"), cell: (price) => <code>{price.pattern}</code> },
              { id: "usd", head: t("prices.perMillion"), cell: (price) => <Rates rates={price.prices} /> },
              {
                id: "act",
                head: <span className="visually-hidden">{t("ui.actions")}</span>,
                align: "end",
                cell: (price) =>
                  manage && (
                    <IconButton
                      icon="trash"
                      label={t("prices.remove", { name: price.pattern })}
                      onClick={() => setRemoving(price)}
                    />
                  ),
              },
            ]}
          />
        )}
        <section className={css.section}>
          <h2>{t("prices.snapshot")}</h2>
          <div className={css.bar}>
            <SearchBox
              value={q}
              label={t("prices.search")}
              onChange={(text) => void navigate({ to: ".", search: (text ? { q: text } : {}) as never, replace: true })}
            />
          </div>
        </section>
        <PagedTable
          label={t("prices.snapshot")}
          list={snapshot}
          rowKey={(price) => price.price_id}
          empty={{ icon: "price", title: t("prices.noMatch") }}
          columns={[
            { id: "provider", head: t("col.provider"), cell: (price) => price.provider },
            { id: "model", head: t("col.model"), cell: (price) => <code>{price.model}</code> },
            { id: "usd", head: t("prices.perMillion"), cell: (price) => <Rates rates={price.prices} /> },
            { id: "window", head: t("prices.window"), align: "end", cell: (price) => fmt.count(price.context_window) },
          ]}
        />
      </PageBody>
      {adding && <AddPrice project={project.id} onClose={() => setAdding(false)} />}
      {removing && <RemovePrice project={project.id} price={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

/** A bucket that costs what its plain neighbour costs says nothing new. */
function tellingRates(rates: Record<string, string>): [string, string][] {
  const plain = (bucket: string): string => (/^(output|reasoning)/.test(bucket) ? "output_text" : "input_uncached");
  return Object.entries(rates).filter(([bucket, usd]) => bucket === plain(bucket) || usd !== rates[plain(bucket)]);
}

function Rates({ rates }: { rates: Record<string, string> }) {
  const { t } = useLocale();
  return (
    <span className={css.pairs}>
      {tellingRates(rates).map(([bucket, usd]) => {
        const key = `usage.${bucket}` as MessageKey;
        const name = t(key);
        return (
          <span key={bucket}>
            <span className={css.quiet}>{name === key ? bucket : name}</span> ${usd}
          </span>
        );
      })}
    </span>
  );
}

function RemovePrice(props: { project: string; price: Price; onClose: () => void }) {
  const { t } = useLocale();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deletePrice(props.project, props.price.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: pricesQuery(props.project).queryKey });
      props.onClose();
    },
  });
  return (
    <ConfirmDialog
      title={t("prices.remove", { name: props.price.pattern })}
      action={t("prices.removeAction")}
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={props.onClose}
    >
      <p>{t("prices.removeText")}</p>
      {remove.error && <ErrorPanel error={remove.error} />}
    </ConfirmDialog>
  );
}

function AddPrice({ project, onClose }: { project: string; onClose: () => void }) {
  const { t } = useLocale();
  const client = useQueryClient();
  const [provider, setProvider] = useState("");
  const [match, setMatch] = useState<Price["match"]>("exact");
  const [pattern, setPattern] = useState("");
  const [rates, setRates] = useState<Record<string, string>>({});
  const create = useMutation({
    mutationFn: () => {
      const given = Object.fromEntries(Object.entries(rates).filter(([, usd]) => usd.trim() !== ""));
      return createPrice(project, { provider, match, pattern, prices: given });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: pricesQuery(project).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog title={t("prices.add")} onClose={onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("prices.match")}>
          <Select value={match} onChange={(e) => setMatch(e.target.value as Price["match"])}>
            {(["exact", "prefix", "regex"] as const).map((value) => (
              <option key={value} value={value}>
                {t(`match.${value}`)}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t("col.model")} hint={t("prices.modelHint")}>
          <TextInput required value={pattern} onChange={(e) => setPattern(e.target.value)} />
        </Field>
        <Field label={t("col.provider")} hint={t("prices.providerHint")}>
          <TextInput value={provider} onChange={(e) => setProvider(e.target.value)} />
        </Field>
        <fieldset className={css.group}>
          <legend>{t("prices.perMillion")}</legend>
          <div className={css.scopes}>
            {BUCKETS.map((bucket) => (
              <Field key={bucket} label={t(`usage.${bucket}`)}>
                <TextInput
                  inputMode="decimal"
                  pattern="[0-9]*\.?[0-9]*"
                  required={bucket === "input_uncached"}
                  value={rates[bucket] ?? ""}
                  onChange={(e) => setRates({ ...rates, [bucket]: e.target.value })}
                />
              </Field>
            ))}
          </div>
        </fieldset>
        {create.error && <ErrorPanel error={create.error} />}
        <div className={css.actions}>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={create.isPending}>
            {t("prices.add")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
