/** Small signs with one meaning each: kind (shape and colour), status, score, tag. */
import type { ReactNode } from "react";
import type { ScoreChip as ScoreChipData, SpanKind, Status } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { cx } from "./classes.ts";
import css from "./marks.module.css";

export type KindFamily = "llm" | "retrieval" | "tool" | "agent" | "check" | "other";

/** Kinds of one family share a shape and a colour; the hollow form is the lesser member. */
export const KIND_FAMILY: Record<SpanKind, { family: KindFamily; hollow: boolean }> = {
  llm: { family: "llm", hollow: false },
  retriever: { family: "retrieval", hollow: false },
  embedding: { family: "retrieval", hollow: true },
  reranker: { family: "retrieval", hollow: true },
  tool: { family: "tool", hollow: false },
  agent: { family: "agent", hollow: false },
  chain: { family: "agent", hollow: true },
  guardrail: { family: "check", hollow: false },
  evaluator: { family: "check", hollow: true },
  event: { family: "other", hollow: false },
  span: { family: "other", hollow: true },
};

const SHAPES: Record<KindFamily, ReactNode> = {
  llm: <circle cx="6" cy="6" r="4.2" />,
  retrieval: <path d="M6 .9 11.100 6 6 11.100 .9 6z" />,
  tool: <rect x="1.800" y="1.800" width="8.400" height="8.400" rx=".6" />,
  agent: <path d="M6 1.200 11.200 10.400H.8z" />,
  check: <path d="M3.600 1h4.800L11 3.600v4.800L8.400 11H3.600L1 8.400V3.600z" />,
  other: <path d="M1.500 6h9M6 1.500v9" />,
};

export function KindMark({ kind, size = 12 }: { kind: SpanKind; size?: number }) {
  const { family, hollow } = KIND_FAMILY[kind] ?? KIND_FAMILY.span;
  const colour = `var(--kind-${family})`;
  const line = family === "other" || hollow;
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 12 12"
      aria-hidden="true"
      focusable="false"
      style={{ flex: "none", fill: line ? "none" : colour, stroke: colour, strokeWidth: line ? 1.7 : 1 }}
    >
      {SHAPES[family]}
    </svg>
  );
}

export function KindLabel({ kind }: { kind: SpanKind }) {
  const { t } = useLocale();
  return (
    <span className={css.kind}>
      <KindMark kind={kind} />
      {t(`kind.${kind}` as MessageKey)}
    </span>
  );
}

export function StatusMark({ status, quiet }: { status: Status; quiet?: boolean }) {
  const { t } = useLocale();
  if (status === "unset" || (status === "ok" && quiet)) return null;
  const label = t(`status.${status}`);
  return (
    <span className={css.status} data-status={status} role="img" aria-label={label} title={label}>
      {status === "error" ? "✕" : "✓"}
    </span>
  );
}

export function Badge({
  children,
  tone,
}: {
  children: ReactNode;
  tone?: "ok" | "warn" | "error" | "accent" | undefined;
}) {
  return (
    <span className={css.badge} data-tone={tone}>
      {children}
    </span>
  );
}

export function scoreText(score: { value: number | null; label: string | null; data_type?: string }): string {
  if (score.data_type === "boolean" && score.value !== null) return score.value >= 0.5 ? "✓" : "✕";
  if (score.label) return score.label;
  if (score.value === null) return "…";
  return Number.isInteger(score.value) ? String(score.value) : score.value.toFixed(2);
}

export function ScoreChip({ score, className }: { score: ScoreChipData & { data_type?: string }; className?: string }) {
  const { t } = useLocale();
  return (
    <span
      className={cx(css.score, className)}
      title={`${score.name}: ${scoreText(score)} · ${t(`source.${score.source}`)}`}
    >
      <span className={css.scoreName}>{score.name}</span>
      <span>{scoreText(score)}</span>
    </span>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className={css.kbd}>{children}</kbd>;
}
