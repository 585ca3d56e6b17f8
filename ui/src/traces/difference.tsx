/** How one side of a comparison differs from the first: numbers with sign and word, texts by words in any script. */
import { useMemo } from "react";
import { useLocale } from "../i18n/index.tsx";
import css from "./compare.module.css";
import { diffWords } from "./diff.ts";

/** Less time, tokens or money is better: said by an arrow and a word. */
export function Delta({ value, reference }: { value: number | null; reference: number | null }) {
  const { t } = useLocale();
  if (value === null || reference === null || reference === 0) return null;
  const change = (value - reference) / reference;
  if (Math.abs(change) < 0.005) return <span className={css.same}>= {t("compare.same")}</span>;
  const percent = `${change > 0 ? "+" : "−"}${Math.abs(change * 100).toFixed(0)} %`;
  return (
    <span className={change > 0 ? css.worse : css.better}>
      {change > 0 ? "▲" : "▼"} {t(change > 0 ? "compare.more" : "compare.less", { percent })}
    </span>
  );
}

/** Words against those of A: what is gone is struck through, what is new is underlined. */
export function TextDiff({ title, before, after }: { title: string; before: string; after: string }) {
  const { t } = useLocale();
  const pieces = useMemo(() => diffWords(before, after), [before, after]);
  if (pieces === null)
    return (
      <section className={css.diff}>
        <h3>{title}</h3>
        <p className={css.same}>{t("compare.tooLong")}</p>
      </section>
    );
  if (pieces.length === 0) return null;
  const same = pieces.every((piece) => piece.kind === "same");
  return (
    <section className={css.diff}>
      <h3>{title}</h3>
      {same ? (
        <p className={css.same}>= {t("compare.same")}</p>
      ) : (
        <p>
          {pieces.map((piece, index) =>
            piece.kind === "same" ? (
              <span key={index}>{piece.text}</span>
            ) : piece.kind === "added" ? (
              <ins key={index}>{piece.text}</ins>
            ) : (
              <del key={index}>{piece.text}</del>
            ),
          )}
        </p>
      )}
    </section>
  );
}
