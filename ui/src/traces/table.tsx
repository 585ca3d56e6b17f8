/** The span table: rows of one height, windowed; more pages load as the end comes near. */
import { memo, type Ref, useEffect, useImperativeHandle, useRef } from "react";
import type { SpanSummary } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { cx } from "../ui/classes.ts";
import { Icon } from "../ui/icon.tsx";
import { useRowWindow } from "../ui/rows.ts";
import { type CellContext, rowShape, type SpanColumn } from "./columns.tsx";
import css from "./table.module.css";
import type { Sort } from "./url.ts";

export const ROW_HEIGHT = 34;
const HEAD_HEIGHT = 30;

export const spanKey = (span: SpanSummary): string => `${span.trace_id}.${span.span_id}`;

export interface SpanTableHandle {
  scrollTo: (index: number) => void;
  top: () => void;
}

export function SpanTable(props: {
  label: string;
  spans: SpanSummary[];
  total: number | undefined;
  columns: SpanColumn[];
  context: CellContext;
  selected: string | undefined;
  ticked: ReadonlySet<string>;
  sort?: Sort;
  descending?: boolean;
  busy?: boolean;
  onSelect: (index: number) => void;
  onOpen: (index: number) => void;
  onTick?: (key: string) => void;
  /** Live rows can't be ticked: they leave. */
  tickable?: boolean;
  onSort?: (sort: Sort) => void;
  onNearEnd?: () => void;
  handle?: Ref<SpanTableHandle>;
}) {
  const { t } = useLocale();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRowWindow(scroller, props.spans.length, ROW_HEIGHT, HEAD_HEIGHT);
  const tickable = props.tickable ?? true;
  const { template, width } = rowShape(props.columns, tickable ? 32 : 12);
  const { onNearEnd } = props;
  const nearEnd = rows.end > props.spans.length - 40;
  useEffect(() => {
    if (nearEnd) onNearEnd?.();
  }, [nearEnd, onNearEnd]);
  const { scrollTo } = rows;
  useImperativeHandle(props.handle, () => ({ scrollTo, top: () => scroller.current?.scrollTo({ top: 0 }) }), [
    scrollTo,
  ]);
  return (
    <div
      ref={scroller}
      className={css.scroller}
      role="grid"
      aria-label={props.label}
      aria-rowcount={props.total ?? props.spans.length}
      aria-colcount={props.columns.length + 1}
      aria-busy={props.busy}
      tabIndex={0}
    >
      <div role="rowgroup" className={css.headGroup} style={{ minWidth: width }}>
        <div role="row" className={css.head} style={{ gridTemplateColumns: template }}>
          <div role="columnheader" className={css.tick}>
            {tickable && <span className="visually-hidden">{t("compare.tick")}</span>}
          </div>
          {props.columns.map((column) => (
            <HeadCell
              key={column.id}
              column={column}
              sorted={column.sort !== undefined && column.sort === props.sort}
              descending={props.descending ?? true}
              onSort={props.onSort}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" className={css.body} style={{ height: rows.height, minWidth: width }}>
        <div
          role="presentation"
          className={css.window}
          style={{ transform: `translateY(${rows.start * ROW_HEIGHT}px)` }}
        >
          {props.spans.slice(rows.start, rows.end).map((span, offset) => {
            const key = spanKey(span);
            return (
              <Row
                // Rows that scroll out lend their elements to those that scroll in.
                key={(rows.start + offset) % Math.max(1, rows.end - rows.start)}
                span={span}
                index={rows.start + offset}
                columns={props.columns}
                template={template}
                context={props.context}
                selected={key === props.selected}
                ticked={props.ticked.has(key)}
                onSelect={props.onSelect}
                onOpen={props.onOpen}
                onTick={tickable ? props.onTick : undefined}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function HeadCell(props: {
  column: SpanColumn;
  sorted: boolean;
  descending: boolean;
  onSort: ((sort: Sort) => void) | undefined;
}) {
  const { t } = useLocale();
  const { column, onSort } = props;
  const sort = column.sort;
  return (
    <div
      role="columnheader"
      className={cx(css.cell, column.end && css.end)}
      aria-sort={props.sorted ? (props.descending ? "descending" : "ascending") : undefined}
    >
      {sort && onSort ? (
        <button type="button" className={css.sort} onClick={() => onSort(sort)}>
          {t(column.label)}
          {props.sorted && <Icon name={props.descending ? "down" : "up"} size={11} />}
        </button>
      ) : (
        t(column.label)
      )}
    </div>
  );
}

const Row = memo(function Row(props: {
  span: SpanSummary;
  index: number;
  columns: SpanColumn[];
  template: string;
  context: CellContext;
  selected: boolean;
  ticked: boolean;
  onSelect: (index: number) => void;
  onOpen: (index: number) => void;
  onTick: ((key: string) => void) | undefined;
}) {
  const { t } = useLocale();
  const { span, index, onTick } = props;
  return (
    <div
      role="row"
      aria-rowindex={index + 1}
      aria-selected={props.selected}
      className={cx(css.row, props.selected && css.selected)}
      style={{ gridTemplateColumns: props.template }}
      onClick={(event) => {
        if (!(event.target as HTMLElement).closest("a,input,label")) props.onSelect(index);
      }}
      onDoubleClick={() => props.onOpen(index)}
    >
      <div role="gridcell" className={css.tick}>
        {onTick && (
          <label>
            <input type="checkbox" tabIndex={-1} checked={props.ticked} onChange={() => onTick(spanKey(span))} />
            <span className="visually-hidden">{t("compare.tickRow", { name: span.name })}</span>
          </label>
        )}
      </div>
      {props.columns.map((column) => (
        <div role="gridcell" key={column.id} className={cx(css.cell, column.end && css.end)}>
          {column.cell(span, props.context)}
        </div>
      ))}
    </div>
  );
});
