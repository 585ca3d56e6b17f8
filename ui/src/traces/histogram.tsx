/** Spans over time as a strip of bars: dragging zooms; a bar opens its numbers, and each number its spans. */
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";

import type { HistogramBucket } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { histogramQuery } from "./api.ts";
import css from "./histogram.module.css";
import type { Filter, SpanQuery } from "./url.ts";

const HEIGHT = 40;

export function HistogramStrip(props: {
  project: string;
  query: SpanQuery;
  onZoom: (from: string, to: string) => void;
  onEvidence: (from: string, to: string, filter: Filter) => void;
  onReset: () => void;
}) {
  const { t, fmt } = useLocale();
  const { data } = useQuery(histogramQuery(props.project, props.query));
  const strip = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const buckets = data?.buckets ?? [];
  const at = (event: PointerEvent): number => {
    const box = strip.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const indexAt = (x: number) => Math.min(buckets.length - 1, Math.floor(x * buckets.length));
  const spanOf = (first: HistogramBucket, last: HistogramBucket): [string, string] => [
    new Date(Date.parse(first.time)).toISOString(),
    new Date(Date.parse(last.time) + (data?.interval_ms ?? 0)).toISOString(),
  ];
  const finish = () => {
    if (drag && buckets.length > 0) {
      const [low, high] = [Math.min(...drag), Math.max(...drag)];
      if (high - low > 0.004) props.onZoom(...spanOf(buckets[indexAt(low)]!, buckets[indexAt(high)]!));
      else setChosen(buckets[indexAt(low)]!.time);
    }
    setDrag(null);
  };
  const picked = buckets.find((bucket) => bucket.time === chosen);
  const place = picked ? buckets.indexOf(picked) : -1;
  const step = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (event.key === "Escape") setChosen(null);
    if (event.key === "Enter" && picked) props.onZoom(...spanOf(picked, picked));
    if (by === 0 || buckets.length === 0) return;
    event.preventDefault();
    const from = place < 0 ? (by > 0 ? -1 : buckets.length) : place;
    setChosen(buckets[Math.min(buckets.length - 1, Math.max(0, from + by))]!.time);
  };
  const shown = hover === null ? picked : buckets[hover];
  const label = t("histogram.label", { n: buckets.reduce((sum, bucket) => sum + bucket.count, 0) });
  return (
    <div className={css.frame}>
      <div
        ref={strip}
        className={css.strip}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={1}
        aria-valuemax={Math.max(1, buckets.length)}
        aria-valuenow={place + 1 || 1}
        aria-valuetext={picked ? `${fmt.time(picked.time)} · ${t("unit.spans", { n: picked.count })}` : label}
        onKeyDown={step}
        title={t("histogram.hint")}
        onPointerDown={(event) => {
          if (buckets.length === 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag([at(event), at(event)]);
        }}
        onPointerMove={(event) => {
          if (buckets.length === 0) return;
          const x = at(event);
          setHover(indexAt(x));
          if (drag) setDrag([drag[0], x]);
        }}
        onPointerUp={finish}
        onPointerLeave={() => setHover(null)}
        onDoubleClick={props.onReset}
      >
        <Bars buckets={buckets} chosen={place} />
        {drag && (
          <div
            className={css.selection}
            style={{ left: `${Math.min(...drag) * 100}%`, width: `${Math.abs(drag[1] - drag[0]) * 100}%` }}
          />
        )}
      </div>
      <div className={css.legend}>
        {picked && shown === picked ? (
          <BucketEvidence
            bucket={picked}
            onShow={(filter) => {
              const [from, to] = spanOf(picked, picked);
              if (filter) props.onEvidence(from, to, filter);
              else props.onZoom(from, to);
            }}
          />
        ) : shown ? (
          <BucketText bucket={shown} />
        ) : (
          buckets.length > 0 && (
            <>
              <span>{fmt.time(buckets[0]!.time)}</span>
              <span>
                {fmt.time(new Date(Date.parse(buckets.at(-1)!.time) + (data?.interval_ms ?? 0)).toISOString())}
              </span>
            </>
          )
        )}
      </div>
    </div>
  );
}

function Bars({ buckets, chosen }: { buckets: HistogramBucket[]; chosen: number }) {
  const max = Math.max(1, ...buckets.map((bucket) => bucket.count));
  const scale = (n: number) => (n === 0 ? 0 : Math.max(1.5, (n / max) * HEIGHT));
  return (
    <svg viewBox={`0 0 ${Math.max(1, buckets.length)} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {buckets.map((bucket, index) => {
        const whole = scale(bucket.count);
        const bad = bucket.count === 0 ? 0 : whole * (bucket.errors / bucket.count);
        return (
          <g key={bucket.time}>
            {index === chosen && <rect x={index} width={1} y={0} height={HEIGHT} className={css.chosen} />}
            <rect x={index + 0.1} width={0.8} y={HEIGHT - whole} height={whole - bad} className={css.bar} />
            <rect x={index + 0.1} width={0.8} y={HEIGHT - bad} height={bad} className={css.bad} />
          </g>
        );
      })}
    </svg>
  );
}

function BucketText({ bucket }: { bucket: HistogramBucket }) {
  const { t, fmt } = useLocale();
  return (
    <span>
      {fmt.time(bucket.time)} · {t("unit.spans", { n: bucket.count })}
      {bucket.errors > 0 && ` · ${t("unit.errors", { n: bucket.errors })}`}
      {bucket.p95_ms != null && ` · p50 ${fmt.duration(bucket.p50_ms)} · p95 ${fmt.duration(bucket.p95_ms)}`}
      {bucket.cost_usd != null && Number(bucket.cost_usd) > 0 && ` · ${fmt.cost(bucket.cost_usd)}`}
    </span>
  );
}

/** The numbers of the chosen bar, each a way to its spans. */
function BucketEvidence(props: { bucket: HistogramBucket; onShow: (filter: Filter | null) => void }) {
  const { t, fmt } = useLocale();
  const { bucket, onShow } = props;
  const { p95_ms: p95 } = bucket;
  return (
    <span className={css.evidence}>
      <span>{fmt.time(bucket.time)}</span>
      <button type="button" onClick={() => onShow(null)}>
        {t("unit.spans", { n: bucket.count })}
      </button>
      {bucket.errors > 0 && (
        <button type="button" onClick={() => onShow(["status", "in", ["error"]])}>
          {t("unit.errors", { n: bucket.errors })}
        </button>
      )}
      {p95 != null && (
        <button
          type="button"
          title={t("histogram.slow")}
          // Shown to the reader rounded; the filter must not round the slowest span away.
          onClick={() => onShow(["duration_ms", "gte", Math.floor(p95 * 1000) / 1000])}
        >
          {`p95 ${fmt.duration(p95)} · ${t("histogram.slow")}`}
        </button>
      )}
    </span>
  );
}
