/** When a key ends: the choices, and how it is shown. */
import { useLocale } from "../i18n/index.tsx";

export const LIFETIMES = ["never", "30d", "90d", "365d"] as const;
export type Lifetime = (typeof LIFETIMES)[number];

const DAY_MS = 86_400_000;

export function lifetimeToExpiry(lifetime: Lifetime, now: number): string | null {
  if (lifetime === "never") return null;
  return new Date(now + Number.parseInt(lifetime, 10) * DAY_MS).toISOString();
}

export const isExpired = (at: string | null): boolean => at !== null && Date.parse(at) < Date.now();

export function Expiry({ at }: { at: string | null }) {
  const { t, fmt } = useLocale();
  return <>{at === null ? t("lifetime.never") : fmt.dateTime(at)}</>;
}
