/** Two texts by lines: in one column, or side by side. What is added or removed is said by sign as well as by colour. */
import { useState } from "react";
import { Segmented } from "../ui/field.tsx";
import css from "./diff-view.module.css";
import { countChanges, type DiffLine, type DiffRow, diffLines, folded, sideBySide } from "./line-diff.ts";
import { useGateway } from "./text/index.ts";

export type DiffStyle = "inline" | "split";

export function DiffView(props: {
  before: string;
  after: string;
  beforeLabel: string;
  afterLabel: string;
  style?: DiffStyle;
}) {
  const { g } = useGateway();
  const [style, setStyle] = useState<DiffStyle>(props.style ?? "inline");
  const lines = diffLines(props.before, props.after);
  const { added, removed } = countChanges(lines);
  if (added + removed === 0) return <p className={css.none}>{g("diff.none")}</p>;
  return (
    <div className={css.frame}>
      <div className={css.head}>
        <span>
          {props.beforeLabel} → {props.afterLabel} <span className={css.plus}>+{added}</span>{" "}
          <span className={css.minus}>−{removed}</span>
        </span>
        <Segmented
          label={g("diff.style")}
          value={style}
          options={[
            { value: "inline", label: g("diff.inline") },
            { value: "split", label: g("diff.split") },
          ]}
          onChange={setStyle}
        />
      </div>
      <div className={css.scroll} tabIndex={0} role="region" aria-label={g("diff.label")}>
        {style === "inline" ? <Inline lines={lines} /> : <Split rows={sideBySide(lines)} />}
      </div>
    </div>
  );
}

const SIGN = { same: " ", added: "+", removed: "−" } as const;

function Inline({ lines }: { lines: DiffLine[] }) {
  return (
    <table className={css.table}>
      <tbody>
        {folded(lines, (line) => line.kind !== "same").map((line, at) =>
          typeof line === "number" ? (
            <Fold key={at} n={line} columns={4} />
          ) : (
            <tr key={at} data-kind={line.kind}>
              <td className={css.at}>{line.before}</td>
              <td className={css.at}>{line.after}</td>
              <td className={css.sign}>{SIGN[line.kind]}</td>
              <td className={css.text}>{line.text}</td>
            </tr>
          ),
        )}
      </tbody>
    </table>
  );
}

function Split({ rows }: { rows: DiffRow[] }) {
  return (
    <table className={css.table} data-split>
      <tbody>
        {folded(rows, (row) => row.left?.kind !== "same").map((row, at) =>
          typeof row === "number" ? (
            <Fold key={at} n={row} columns={6} />
          ) : (
            <tr key={at}>
              <Side line={row.left} number={row.left?.before ?? null} />
              <Side line={row.right} number={row.right?.after ?? null} />
            </tr>
          ),
        )}
      </tbody>
    </table>
  );
}

function Side({ line, number }: { line: DiffLine | null; number: number | null }) {
  const kind = line?.kind ?? "absent";
  return (
    <>
      <td className={css.at} data-kind={kind}>
        {number}
      </td>
      <td className={css.sign} data-kind={kind}>
        {line ? SIGN[line.kind] : ""}
      </td>
      <td className={css.text} data-kind={kind}>
        {line?.text}
      </td>
    </>
  );
}

function Fold({ n, columns }: { n: number; columns: number }) {
  const { g } = useGateway();
  return (
    <tr data-kind="fold">
      <td colSpan={columns}>{g("diff.fold", { n })}</td>
    </tr>
  );
}
