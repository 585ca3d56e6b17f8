/** A plain table for short lists (settings, summaries). Long lists use the virtual grid of `traces`. */
import type { ReactNode } from "react";
import { cx } from "./classes.ts";
import css from "./table.module.css";

export interface Column<Row> {
  id: string;
  head: ReactNode;
  cell: (row: Row) => ReactNode;
  align?: "end";
  width?: string;
  /** One line, cut at the end. */
  clip?: boolean;
}

export function Table<Row>(props: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
}) {
  return (
    <div className={css.scroll} tabIndex={0} role="region" aria-label={props.label}>
      <table className={css.table}>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.id} scope="col" className={cx(column.align && css.end)} style={{ width: column.width }}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)}>
              {props.columns.map((column) => (
                <td key={column.id} className={cx(column.align && css.end, column.clip && css.clip)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
