/** Spans over time as a strip of bars; dragging over it zooms the time range. */
import { useQuery } from "@tanstack/react-query";
import { type PointerEvent, useRef, useState } from "react";
import type { HistogramBucket } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { histogramQuery } from "./api.ts";
import css from "./histogram.module.css";
import type { SpanQuery } from "./url.ts";

const HEIGHT = 40;

export function HistogramStrip(props: {
  project: string;
  query: SpanQuery;
  onZoom: (from: string, to: string) => void;
  onReset: () => void;
}) {
  const { t, fmt } = useLocale();
  const { data } = useQuery(histogramQuery(props.project, props.query));
  const strip = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const buckets = data?.buckets ?? [];
  const at = (event: PointerEvent): number => {
    const box = strip.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const indexAt = (x: number) => Math.min(buckets.length - 1, Math.floor(x * buckets.length));
  const finish = () => {
    if (drag && data && buckets.length > 0 && Math.abs(drag[1] - drag[0]) > 0.004) {
      const [low, high] = [Math.min(...drag), Math.max(...drag)];
      const from = Date.parse(buckets[indexAt(low)]!.time);
      const to = Date.parse(buckets[indexAt(high)]!.time) + data.interval_ms;
      props.onZoom(new Date(from).toISOString(), new Date(to).toISOString());
    }
    setDrag(null);
  };
  const shown = hover === null ? undefined : buckets[hover];
  return (
    <div className={css.frame}>
      <div
        ref={strip}
        className={css.strip}
        role="img"
        aria-label={t("histogram.label", { n: buckets.reduce((sum, bucket) => sum + bucket.count, 0) })}
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
        <Bars buckets={buckets} />
        {drag && (
          <div
            className={css.selection}
            style={{ left: `${Math.min(...drag) * 100}%`, width: `${Math.abs(drag[1] - drag[0]) * 100}%` }}
          />
        )}
      </div>
      <div className={css.legend} aria-hidden="true">
        {shown ? (
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

function Bars({ buckets }: { buckets: HistogramBucket[] }) {
  const max = Math.max(1, ...buckets.map((bucket) => bucket.count));
  const scale = (n: number) => (n === 0 ? 0 : Math.max(1.5, (n / max) * HEIGHT));
  return (
    <svg viewBox={`0 0 ${Math.max(1, buckets.length)} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {buckets.map((bucket, index) => {
        const whole = scale(bucket.count);
        const bad = bucket.count === 0 ? 0 : whole * (bucket.errors / bucket.count);
        return (
          <g key={bucket.time}>
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
