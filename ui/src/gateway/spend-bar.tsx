/** What was spent of a budget in its present window: a bar with the alert marks, the amounts, and when it starts anew. */
import type { Budget } from "./limits-api.ts";
import css from "./spend-bar.module.css";
import { useGateway } from "./text/index.ts";

/** The amount that counts now: an override adds to it until it ends. */
export function limitOf(budget: Budget, now = Date.now()): number {
  const extra = budget.extra_until !== null && Date.parse(budget.extra_until) > now ? Number(budget.extra_usd) : 0;
  return Number(budget.amount_usd) + extra;
}

/** A moment as clocks show it in the budget's own zone, with the zone's name. */
export function inZone(iso: string, zone: string, lang: string): string {
  const format = new Intl.DateTimeFormat(lang === "ja" ? "ja-JP" : "en-GB", {
    timeZone: zone,
    year: "numeric",
    month: lang === "ja" ? "2-digit" : "short",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return `${format.format(new Date(iso)).replace(",", "")} ${zone}`;
}

export function SpendBar({ budget, wide }: { budget: Budget; wide?: boolean }) {
  const { g, fmt, lang } = useGateway();
  const limit = limitOf(budget);
  const spent = Number(budget.spent_usd);
  const share = limit > 0 ? spent / limit : spent > 0 ? 1 : 0;
  const scale = Math.max(1, ...budget.alerts.map((alert) => alert / 100), Math.min(share, 1.5));
  // `*each` user has an amount of their own: the sum of all says nothing about one.
  const each = budget.subject === "*each";
  const tone = each || share < 0.8 ? "ok" : share < 1 ? "warn" : "over";
  const words = g("budget.spentOf", { spent: fmt.cost(spent), limit: fmt.cost(limit) });
  const resets = g("budget.resets", { time: inZone(budget.window_end, budget.time_zone, lang) });
  return (
    <div className={css.spend} data-wide={wide || undefined}>
      {!each && (
        <div
          className={css.bar}
          role="meter"
          aria-label={g("budget.title")}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.min(100, Math.round(share * 100))}
          aria-valuetext={`${words}, ${resets}`}
        >
          <span className={css.fill} data-tone={tone} style={{ width: `${Math.min(100, (100 * share) / scale)}%` }} />
          {budget.alerts.map((alert) => (
            <span
              key={alert}
              className={css.mark}
              style={{ left: `${Math.min(100, alert / scale)}%` }}
              title={g("budget.alertAt", { n: alert })}
            />
          ))}
        </div>
      )}
      <div className={css.words}>
        <span data-tone={tone}>
          {each ? g("budget.eachUser", { spent: fmt.cost(spent), limit: fmt.cost(limit) }) : words}
          {!each && ` · ${Math.round(share * 100)} %`}
        </span>
        <span className={css.quiet} title={resets}>
          {wide ? resets : fmt.ago(budget.window_end)}
        </span>
      </div>
    </div>
  );
}
