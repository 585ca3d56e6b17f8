/** The conversation of a trace, turn by turn; choosing a turn focuses the span it came from. */
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef, useState } from "react";
import type { Turn } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { cx } from "../ui/classes.ts";
import { Checkbox } from "../ui/field.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { transcriptQuery } from "./api.ts";
import { Part, RoleName } from "./chat.tsx";
import css from "./transcript.module.css";

export function TranscriptView(props: {
  project: string;
  traceId: string;
  selected: string;
  onSelect: (span: string) => void;
}) {
  const { t } = useLocale();
  const [history, setHistory] = useState(false);
  const transcript = useQuery(transcriptQuery(props.project, props.traceId, history));
  if (transcript.isError) return <ErrorPanel error={transcript.error} retry={() => void transcript.refetch()} />;
  if (transcript.isPending) return <Loading />;
  if (transcript.data.turns.length === 0)
    return (
      <Empty icon="sessions" title={t("transcript.none")}>
        <p>{t("transcript.noneText")}</p>
      </Empty>
    );
  return (
    <TurnList
      turns={transcript.data.turns}
      truncated={transcript.data.truncated}
      selected={props.selected}
      onSelect={(turn) => props.onSelect(turn.span_id)}
    >
      <Checkbox label={t("transcript.history")} checked={history} onChange={(e) => setHistory(e.target.checked)} />
    </TurnList>
  );
}

export function TurnList(props: {
  turns: Turn[];
  truncated: boolean;
  selected: string;
  onSelect: (turn: Turn) => void;
  children?: ReactNode;
}) {
  const { t, fmt } = useLocale();
  const scroller = useRef<HTMLDivElement>(null);
  const { turns } = props;
  const virtual = useVirtualizer({
    count: turns.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 120,
    overscan: 6,
  });
  return (
    <div className={css.frame}>
      <div className={css.tools}>
        {props.children}
        <span className={css.quiet}>{t("transcript.count", { n: turns.length })}</span>
        {props.truncated && <span className={css.quiet}>{t("transcript.truncated")}</span>}
      </div>
      <div ref={scroller} className={css.scroller} tabIndex={0} role="region" aria-label={t("trace.tabTranscript")}>
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const turn = turns[item.index]!;
            return (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className={css.slot}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <article
                  className={cx(css.turn, turn.span_id === props.selected && css.selected, !turn.is_new && css.old)}
                  data-role={turn.role}
                >
                  <header>
                    <button type="button" className={css.role} onClick={() => props.onSelect(turn)}>
                      <RoleName role={turn.role} />
                    </button>
                    <span className={css.quiet}>
                      {[turn.model, turn.tokens > 0 ? t("unit.tok", { n: turn.tokens }) : "", fmt.time(turn.time)]
                        .filter(Boolean)
                        .join(" · ")}
                    </span>
                  </header>
                  <div className={css.parts}>
                    {turn.parts.map((part, index) => (
                      <Part key={index} part={part} />
                    ))}
                  </div>
                </article>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
