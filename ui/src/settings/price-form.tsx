/** The form of a project's price, new or present: what it matches, since when, what a token costs, tiers. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Price } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Select, TextInput } from "../ui/field.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { createPrice, type PriceDraft, pricesQuery, updatePrice } from "./api.ts";
import css from "./settings.module.css";

const USUAL = ["input_uncached", "cache_read", "cache_write", "output_text", "reasoning"] as const;
const OTHERS = ["cache_write_5m", "cache_write_1h", "input_audio", "input_image", "output_audio"] as const;
const MATCHES = ["exact", "prefix", "regex"] as const;
const MAX_TIERS = 8;

type Rates = Readonly<Record<string, string>>;
interface Tier {
  /** Stays the same while tiers are added and removed. */
  key: number;
  above: string;
  prices: Rates;
}

/** A time as `<input type="datetime-local">` holds it, in the reader's own zone. */
const toLocal = (at: string | null): string => {
  if (at === null) return "";
  const time = new Date(at);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

const given = (rates: Rates): Record<string, string> =>
  Object.fromEntries(
    Object.entries(rates).flatMap(([bucket, usd]) => (usd.trim() === "" ? [] : [[bucket, usd.trim()]])),
  );

function useDraft(price: Price | null) {
  const [draft, setDraft] = useState({
    provider: price?.provider ?? "",
    match: price?.match ?? ("exact" as Price["match"]),
    pattern: price?.pattern ?? "",
    priority: String(price?.priority ?? 0),
    validFrom: toLocal(price?.valid_from ?? null),
    prices: (price?.prices ?? {}) as Rates,
    tiers: (price?.tiers ?? []).map(
      (tier, key): Tier => ({ key, above: String(tier.above_input_tokens), prices: tier.prices }),
    ),
  });
  const set = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const body = (): PriceDraft => ({
    provider: draft.provider.trim(),
    match: draft.match,
    pattern: draft.pattern,
    priority: Number(draft.priority),
    valid_from: draft.validFrom === "" ? null : new Date(draft.validFrom).toISOString(),
    prices: given(draft.prices),
    tiers: draft.tiers
      .map((tier) => ({ above_input_tokens: Number(tier.above), prices: given(tier.prices) }))
      .sort((a, b) => a.above_input_tokens - b.above_input_tokens),
  });
  return { draft, set, body };
}

export function PriceForm(props: { project: string; price: Price | null; onClose: () => void }) {
  const { t } = useLocale();
  const client = useQueryClient();
  const { price } = props;
  const { draft, set, body } = useDraft(price);
  const save = useMutation({
    mutationFn: () =>
      price === null ? createPrice(props.project, body()) : updatePrice(props.project, price.id, body()),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: pricesQuery(props.project).queryKey });
      props.onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog
      title={price === null ? t("prices.add") : t("prices.edit", { name: price.pattern })}
      onClose={props.onClose}
    >
      <form className={css.form} onSubmit={submit}>
        <div className={css.pair}>
          <Field label={t("prices.match")}>
            <Select value={draft.match} onChange={(e) => set({ match: e.target.value as Price["match"] })}>
              {MATCHES.map((value) => (
                <option key={value} value={value}>
                  {t(`match.${value}`)}
                </option>
              ))}
            </Select>
          </Field>
          <Field label={t("col.model")} hint={t("prices.modelHint")}>
            <TextInput
              required
              maxLength={200}
              value={draft.pattern}
              onChange={(e) => set({ pattern: e.target.value })}
            />
          </Field>
          <Field label={t("col.provider")} hint={t("prices.providerHint")}>
            <TextInput maxLength={100} value={draft.provider} onChange={(e) => set({ provider: e.target.value })} />
          </Field>
          <Field label={t("prices.priority")} hint={t("prices.priorityHint")}>
            <TextInput
              type="number"
              required
              min={-1000}
              max={1000}
              value={draft.priority}
              onChange={(e) => set({ priority: e.target.value })}
            />
          </Field>
          <Field label={t("prices.validFrom")} hint={t("prices.validFromHint")}>
            <TextInput
              type="datetime-local"
              value={draft.validFrom}
              onChange={(e) => set({ validFrom: e.target.value })}
            />
          </Field>
        </div>
        <fieldset className={css.group}>
          <legend>{t("prices.perMillion")}</legend>
          <RateFields rates={draft.prices} base onChange={(prices) => set({ prices })} />
        </fieldset>
        <Tiers tiers={draft.tiers} onChange={(tiers) => set({ tiers })} />
        {save.error && <ErrorPanel error={save.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {price === null ? t("prices.add") : t("prices.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function RateFields(props: { rates: Rates; base?: boolean; onChange: (rates: Rates) => void }) {
  const { t } = useLocale();
  const { rates } = props;
  const field = (bucket: (typeof USUAL)[number] | (typeof OTHERS)[number]) => (
    <Field key={bucket} label={t(`usage.${bucket}`)}>
      <TextInput
        inputMode="decimal"
        pattern="[0-9]*\.?[0-9]*"
        required={props.base === true && bucket === "input_uncached"}
        value={rates[bucket] ?? ""}
        onChange={(e) => props.onChange({ ...rates, [bucket]: e.target.value })}
      />
    </Field>
  );
  return (
    <>
      <div className={css.scopes}>{USUAL.map(field)}</div>
      <details className={css.more} open={OTHERS.some((bucket) => rates[bucket]) || undefined}>
        <summary>{t("prices.moreBuckets")}</summary>
        <div className={css.scopes}>{OTHERS.map(field)}</div>
      </details>
    </>
  );
}

function Tiers({ tiers, onChange }: { tiers: readonly Tier[]; onChange: (tiers: Tier[]) => void }) {
  const { t } = useLocale();
  const change = (key: number, part: Partial<Tier>) =>
    onChange(tiers.map((tier) => (tier.key === key ? { ...tier, ...part } : tier)));
  const add = () =>
    onChange([...tiers, { key: Math.max(-1, ...tiers.map((tier) => tier.key)) + 1, above: "", prices: {} }]);
  return (
    <fieldset className={css.group}>
      <legend>{t("prices.tiers")}</legend>
      <div className={css.form}>
        <p className={css.quiet}>{t("prices.tiersHint")}</p>
        {tiers.map((tier, index) => (
          <fieldset key={tier.key} className={css.tier}>
            <legend className="visually-hidden">{t("prices.tier", { n: index + 1 })}</legend>
            <div className={css.tierHead}>
              <strong aria-hidden>{t("prices.tier", { n: index + 1 })}</strong>
              <IconButton
                icon="trash"
                label={t("prices.removeTier", { n: index + 1 })}
                onClick={() => onChange(tiers.filter((other) => other.key !== tier.key))}
              />
            </div>
            <Field label={t("prices.aboveInput")}>
              <TextInput
                type="number"
                required
                min={1}
                value={tier.above}
                onChange={(e) => change(tier.key, { above: e.target.value })}
              />
            </Field>
            <RateFields rates={tier.prices} onChange={(prices) => change(tier.key, { prices })} />
          </fieldset>
        ))}
        {tiers.length < MAX_TIERS && (
          <div>
            <Button icon="plus" onClick={add}>
              {t("prices.addTier")}
            </Button>
          </div>
        )}
      </div>
    </fieldset>
  );
}
