/** A distribution in the height of a row, and a mean with its 95 % interval. Hand-made SVG. */
import type { ScoreSummary } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import css from "./distribution.module.css";

const WIDTH = 160;
const HEIGHT = 24;

export function Distribution({ row }: { row: ScoreSummary }) {
  const { fmt } = useLocale();
  const bars =
    row.labels.length > 0 ? row.labels : row.bins.map((bin) => ({ label: `${bin.low}–${bin.high}`, count: bin.count }));
  if (bars.length === 0) return <span>–</span>;
  if (row.labels.length > 0 && row.labels.length <= 6)
    return (
      <span className={css.labels}>
        {row.labels.map(({ label, count }) => (
          <span key={label} className={css.label}>
            <span className={css.meter} style={{ width: `${(count / row.n) * 64}px` }} />
            {label} {fmt.count(count)}
          </span>
        ))}
      </span>
    );
  const max = Math.max(1, ...bars.map((bar) => bar.count));
  const step = WIDTH / bars.length;
  const text = bars.map((bar) => `${bar.label}: ${bar.count}`).join(", ");
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={text}>
      {bars.map((bar, index) => (
        <rect
          key={bar.label}
          className={css.bar}
          x={index * step + 0.5}
          width={Math.max(1, step - 1)}
          y={HEIGHT - Math.max(bar.count > 0 ? 1.5 : 0, (bar.count / max) * HEIGHT)}
          height={Math.max(bar.count > 0 ? 1.5 : 0, (bar.count / max) * HEIGHT)}
        >
          <title>{`${bar.label}: ${bar.count}`}</title>
        </rect>
      ))}
    </svg>
  );
}

export function MeanInterval({ row }: { row: ScoreSummary }) {
  const { t, fmt } = useLocale();
  if (row.mean === null) return <span>–</span>;
  const { interval_low: low, interval_high: high } = row;
  const shown = `${fmt.ratio(row.mean, 3)}`;
  if (low === null || high === null) return <span>{shown}</span>;
  const least = Math.min(0, row.bins[0]?.low ?? 0, low);
  const most = Math.max(1, row.bins.at(-1)?.high ?? 1, high);
  const x = (value: number) => ((value - least) / (most - least)) * 80;
  return (
    <span className={css.mean} title={t("scores.interval", { low: low.toFixed(3), high: high.toFixed(3) })}>
      <strong>{shown}</strong>
      <svg width={84} height={16} aria-hidden="true" className={css.whisker}>
        <line x1="2" x2="82" y1="8" y2="8" className={css.axis} />
        <line x1={2 + x(low)} x2={2 + Math.max(x(high), x(low) + 1)} y1="8" y2="8" className={css.range} />
        <circle cx={2 + x(row.mean)} cy="8" r="3.5" className={css.dot} />
      </svg>
      <span className={css.quiet}>
        [{fmt.ratio(low, 3)}, {fmt.ratio(high, 3)}]
      </span>
    </span>
  );
}
