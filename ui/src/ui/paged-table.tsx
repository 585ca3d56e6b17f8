/** A table over a cursor-paged list: states, rows that `j` and `k` step through, and a button for the next page. */
import type { InfiniteData } from "@tanstack/react-query";
import { type ReactNode, useRef } from "react";
import type { Page } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "./button.tsx";
import { CodeBlock } from "./copy.tsx";
import type { IconName } from "./icon.tsx";
import { useKeys } from "./keys.tsx";
import css from "./paged-table.module.css";
import { Empty, ErrorPanel, Loading } from "./state.tsx";
import { type Column, Table } from "./table.tsx";

export interface PagedList<Row> {
  data: InfiniteData<Page<Row>> | undefined;
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

export function PagedTable<Row>(props: {
  label: string;
  list: PagedList<Row>;
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  /** Set where a search or filter hides rows: nothing found then isn't "none yet", and this is the way out. */
  onWiden?: (() => void) | undefined;
  empty: { icon: IconName; title: string; text?: string; code?: string; action?: ReactNode };
}) {
  const { t } = useLocale();
  const { list, empty } = props;
  const frame = useRef<HTMLDivElement>(null);
  const step = (by: 1 | -1) => {
    const rows = [...(frame.current?.querySelectorAll("tbody tr") ?? [])];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
    rows[next]?.querySelector<HTMLElement>("a, button")?.focus();
  };
  useKeys([
    { keys: "j", label: "keys.down", run: () => step(1) },
    { keys: "k", label: "keys.up", run: () => step(-1) },
  ]);
  if (list.error) return <ErrorPanel error={list.error} retry={() => list.refetch()} />;
  if (list.isPending || !list.data) return <Loading />;
  const rows = list.data.pages.flatMap((page) => page.items);
  if (rows.length === 0 && props.onWiden)
    return (
      <Empty icon="search" title={t("paged.noMatch")}>
        <p>{t("paged.noMatchText")}</p>
        <Button onClick={props.onWiden}>{t("paged.widen")}</Button>
      </Empty>
    );
  if (rows.length === 0)
    return (
      <Empty icon={empty.icon} title={empty.title}>
        {empty.text && <p>{empty.text}</p>}
        {empty.code && (
          <div className={css.code}>
            <CodeBlock code={empty.code} label={empty.title} />
          </div>
        )}
        {empty.action}
      </Empty>
    );
  return (
    <div className={css.frame} ref={frame}>
      <Table label={props.label} columns={props.columns} rows={rows} rowKey={props.rowKey} />
      <div className={css.foot}>
        <span className={css.quiet}>{t("paged.count", { n: rows.length })}</span>
        {list.hasNextPage && (
          <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            {t("paged.more")}
          </Button>
        )}
      </div>
    </div>
  );
}
