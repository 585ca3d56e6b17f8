/** A circuit breaker's state: shape, colour and word. */

import css from "./gateway.module.css";
import type { BreakerState } from "./stats.ts";
import { useGateway } from "./text/index.ts";

const SHAPES: Record<BreakerState, string> = {
  closed: "●",
  cooling: "◔",
  open: "✕",
  half_open: "◐",
  ramping: "▲",
};

/** `quiet`: the word is only said, not shown. */
export function BreakerMark({ state, quiet }: { state: BreakerState; quiet?: boolean }) {
  const { g } = useGateway();
  const word = g(`breaker.${state}`);
  const shape = (
    <span aria-hidden="true" className={css.shape}>
      {SHAPES[state]}
    </span>
  );
  return (
    <span
      className={css.breaker}
      data-state={state}
      title={`${g("breaker.title")}: ${word} – ${g(`breaker.${state}Text`)}`}
    >
      {shape}
      {quiet ? <span className="visually-hidden">{`${g("breaker.title")}: ${word}`}</span> : <span>{word}</span>}
    </span>
  );
}
