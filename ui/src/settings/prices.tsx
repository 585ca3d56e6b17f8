/** Prices: what the built-in snapshot says, and the project's own prices that stand above it. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import type { Price } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { SearchBox } from "../traces/filter-bar.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { deletePrice, pricesQuery, snapshotQuery } from "./api.ts";
import { PriceForm } from "./price-form.tsx";
import css from "./settings.module.css";

export default function PricesScreen() {
  const { t, fmt } = useLocale();
  const { project, can } = useProject();
  const navigate = useNavigate();
  const q = useSearch({ strict: false, select: (search) => (search as { q?: string }).q ?? "" });
  const own = useInfiniteQuery(pricesQuery(project.id));
  const snapshot = useInfiniteQuery(snapshotQuery(q));
  const [editing, setEditing] = useState<Price | "new" | null>(null);
  const [removing, setRemoving] = useState<Price | null>(null);
  const manage = can("prices:manage");
  return (
    <>
      <PageHead title={t("nav.prices")} lead={t("prices.lead")}>
        {manage && (
          <Button variant="primary" icon="plus" onClick={() => setEditing("new")}>
            {t("prices.add")}
          </Button>
        )}
      </PageHead>
      <PageBody>
        <section className={css.section}>
          <h2>{t("prices.own")}</h2>
          {own.data?.pages[0]?.items.length === 0 && <p>{t("prices.ownNone")}</p>}
          {own.error && <ErrorPanel error={own.error} retry={() => void own.refetch()} />}
        </section>
        {!own.error && own.data && own.data.pages[0]?.items.length !== 0 && (
          <div className={css.fit}>
            <PagedTable
              label={t("prices.own")}
              list={own}
              rowKey={(price) => price.id}
              empty={{ icon: "price", title: t("prices.noMatch") }}
              columns={[
                { id: "provider", head: t("col.provider"), cell: (price) => price.provider || t("prices.any") },
                { id: "match", head: t("prices.match"), cell: (price) => t(`match.${price.match}`) },
                { id: "pattern", head: t("col.model"), cell: (price) => <code>{price.pattern}</code> },
                { id: "priority", head: t("prices.priority"), align: "end", cell: (price) => price.priority },
                {
                  id: "usd",
                  head: t("prices.perMillion"),
                  cell: (price) => <TieredRates rates={price.prices} tiers={price.tiers} />,
                },
                {
                  id: "from",
                  head: t("prices.validFrom"),
                  cell: (price) => (price.valid_from ? fmt.dateTime(price.valid_from) : t("prices.always")),
                },
                {
                  id: "act",
                  head: <span className="visually-hidden">{t("ui.actions")}</span>,
                  align: "end",
                  cell: (price) =>
                    manage && (
                      <>
                        <IconButton
                          icon="edit"
                          label={t("prices.edit", { name: price.pattern })}
                          onClick={() => setEditing(price)}
                        />
                        <IconButton
                          icon="trash"
                          label={t("prices.remove", { name: price.pattern })}
                          onClick={() => setRemoving(price)}
                        />
                      </>
                    ),
                },
              ]}
            />
          </div>
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
            {
              id: "usd",
              head: t("prices.perMillion"),
              cell: (price) => <TieredRates rates={price.prices} tiers={price.tiers} />,
            },
            { id: "window", head: t("prices.window"), align: "end", cell: (price) => fmt.count(price.context_window) },
          ]}
        />
      </PageBody>
      {editing && (
        <PriceForm project={project.id} price={editing === "new" ? null : editing} onClose={() => setEditing(null)} />
      )}
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

function TieredRates({ rates, tiers }: Pick<Price, "tiers"> & { rates: Record<string, string> }) {
  const { t, fmt } = useLocale();
  return (
    <>
      <Rates rates={rates} />
      {tiers.map((tier) => (
        <div key={tier.above_input_tokens}>
          <span className={css.quiet}>{t("prices.above", { n: fmt.count(tier.above_input_tokens) })}</span>{" "}
          <Rates rates={tier.prices} />
        </div>
      ))}
    </>
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
