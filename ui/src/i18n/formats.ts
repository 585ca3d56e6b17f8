/** Numbers, money, durations and times as a reader of the language expects them; units always stand beside the number. */
import type { Language } from "./index.tsx";

export interface Formats {
  count(n: number | null | undefined): string;
  compact(n: number | null | undefined): string;
  ratio(n: number | null | undefined, digits?: number): string;
  cost(usd: string | number | null | undefined): string;
  duration(ms: number | null | undefined): string;
  bytes(n: number | null | undefined): string;
  time(iso: string | null | undefined): string;
  dateTime(iso: string | null | undefined): string;
  /** Short, for rows: the clock of today, or day and clock. */
  moment(iso: string | null | undefined, now?: number): string;
  /** To the millisecond, for one moment in a trace. */
  exact(iso: string | null | undefined): string;
  ago(iso: string | null | undefined, now?: number): string;
}

const NONE = "–";

export function formatDuration(ms: number): string {
  if (ms === 0) return "0 ms";
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const total = Math.round(ms / 1000);
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${total % 60} s`;
}

export function formatCost(usd: string | number): string {
  const value = Number(usd);
  if (value === 0) return "$0";
  const size = Math.abs(value);
  if (size >= 100) return `$${value.toFixed(0)}`;
  if (size >= 1) return `$${value.toFixed(2)}`;
  if (size >= 0.01) return `$${value.toFixed(3)}`;
  if (size >= 0.000001) return `$${value.toFixed(6).replace(/0+$/, "")}`;
  return "<$0.000001";
}

export function formatBytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 ** 2) return `${(n / 1024).toFixed(1)} KiB`;
  if (n < 1024 ** 3) return `${(n / 1024 ** 2).toFixed(1)} MiB`;
  return `${(n / 1024 ** 3).toFixed(2)} GiB`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

export function createFormats(lang: Language): Formats {
  const locale = lang === "ja" ? "ja-JP" : "en-GB";
  const number = new Intl.NumberFormat(locale);
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "narrow" });
  const month = lang === "ja" ? "2-digit" : "short";
  const day = { year: "numeric", month, day: "2-digit" } as const;
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  const dateTime = new Intl.DateTimeFormat(locale, { ...day, ...clock });
  const short = new Intl.DateTimeFormat(locale, { month, day: "2-digit", ...clock });
  const clockOnly = new Intl.DateTimeFormat(locale, clock);
  const dayAndMinute = new Intl.DateTimeFormat(locale, {
    month,
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const exact = new Intl.DateTimeFormat(locale, { ...day, ...clock, fractionalSecondDigits: 3 });
  const when = (format: Intl.DateTimeFormat) => (iso: string | null | undefined) =>
    iso ? format.format(new Date(iso)).replace(",", "") : NONE;
  return {
    count: (n) => (n == null ? NONE : number.format(n)),
    compact: (n) => (n == null ? NONE : compact.format(n)),
    ratio: (n, digits = 2) => (n == null ? NONE : n.toFixed(digits)),
    cost: (usd) => (usd == null || usd === "" ? NONE : formatCost(usd)),
    duration: (ms) => (ms == null ? NONE : formatDuration(ms)),
    bytes: (n) => (n == null ? NONE : formatBytes(n)),
    time: when(short),
    dateTime: when(dateTime),
    moment: (iso, now = Date.now()) => {
      const today = iso && new Date(iso).toDateString() === new Date(now).toDateString();
      return when(today ? clockOnly : dayAndMinute)(iso);
    },
    exact: when(exact),
    ago: (iso, now = Date.now()) => {
      if (!iso) return NONE;
      const diff = new Date(iso).getTime() - now;
      const [unit, size] = STEPS.find(([, s]) => Math.abs(diff) >= s) ?? ["second", 1000];
      return relative.format(Math.trunc(diff / size), unit);
    },
  };
}
