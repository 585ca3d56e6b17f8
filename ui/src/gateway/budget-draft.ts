/** A budget as its form holds it, and what of it is sent: settings without effect are left out, as the server wants. */
import type { Budget, BudgetChange, BudgetDraft } from "./limits-api.ts";

export const PERIODS = ["1d", "1w", "1M", "1Q", "1Y"] as const;

export interface Fields {
  scope: Exclude<Budget["scope"], "organization">;
  subject: string;
  key: string;
  amount: string;
  period: string;
  calendar: boolean;
  zone: string;
  quarterStart: string;
  onExceed: Budget["on_exceed"];
  downgradeTo: string;
  alerts: string;
  shadow: boolean;
  extra: string;
  cycles: string;
  reset: boolean;
}

export const fieldsOf = (budget: Budget | null, zone: string): Fields => ({
  scope: budget === null || budget.scope === "organization" ? "key" : budget.scope,
  subject: budget?.subject ?? "",
  key: budget?.key_id ?? "",
  amount: budget?.amount_usd ?? "",
  period: budget?.period ?? "1M",
  calendar: budget?.calendar ?? true,
  zone: budget?.time_zone ?? zone,
  quarterStart: String(budget?.quarter_start_month ?? 1),
  onExceed: budget?.on_exceed ?? "block",
  downgradeTo: budget?.downgrade_to ?? "",
  alerts: (budget?.alerts ?? [50, 80, 100]).join(", "),
  shadow: budget?.shadow ?? false,
  extra: "",
  cycles: "1",
  reset: false,
});

const unitOf = (period: string): string => period.at(-1) ?? "";

/** Only whole days and longer, one at a time, begin at boundaries of the calendar. */
export const canAlign = (period: string): boolean => /^1[dwMQY]$/.test(period);

/** Where the zone decides when a window ends. */
export const usesZone = (fields: Fields): boolean =>
  (fields.calendar && canAlign(fields.period)) || ["M", "Q", "Y"].includes(unitOf(fields.period));

export const alertsOf = (text: string): number[] =>
  text
    .split(/[\s,、，%]+/)
    .filter(Boolean)
    .map(Number);

const common = (fields: Fields) => {
  const calendar = fields.calendar && canAlign(fields.period);
  return {
    amount_usd: fields.amount.trim(),
    period: fields.period,
    calendar,
    time_zone: usesZone(fields) ? fields.zone : "UTC",
    quarter_start_month: calendar && unitOf(fields.period) === "Q" ? Number(fields.quarterStart) : 1,
    on_exceed: fields.onExceed,
    downgrade_to: fields.onExceed === "downgrade" ? fields.downgradeTo.trim() : "",
    alerts: alertsOf(fields.alerts),
    shadow: fields.shadow && fields.onExceed === "block",
  };
};

export const newBudget = (fields: Fields): BudgetDraft => ({
  scope: fields.scope,
  subject: fields.scope === "project" ? "" : fields.subject.trim(),
  key_id: fields.scope === "provider" ? fields.key : "",
  ...common(fields),
});

export const changedBudget = (fields: Fields): BudgetChange => ({
  ...common(fields),
  ...(fields.extra.trim() === "" ? {} : { extra_usd: fields.extra.trim(), extra_cycles: Number(fields.cycles) }),
  reset_usage: fields.reset,
});
