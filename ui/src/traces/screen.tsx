/** Traces: the observation-first table with facets, histogram, and a preview that never moves the layout. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useRef, useState } from "react";
import { useProject } from "../access/project.tsx";
import { projectPath } from "../api/http.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Checkbox } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { useKeys } from "../ui/keys.tsx";
import { Menu, Popover } from "../ui/menu.tsx";
import { PageHead } from "../ui/page.tsx";
import { SideSplit } from "../ui/split.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { facetsQuery, spansQuery } from "./api.ts";
import { chosenColumns, DEFAULT_COLUMNS, SPAN_COLUMNS } from "./columns.tsx";
import { FacetSidebar } from "./facets.tsx";
import { AddFilter, FilterChips, RangeMenu, SearchBox, ViewMenu } from "./filter-bar.tsx";
import { HistogramStrip } from "./histogram.tsx";
import { NothingYet } from "./nothing-yet.tsx";
import { SpanPreview } from "./preview.tsx";
import css from "./screen.module.css";
import { SpanTable, type SpanTableHandle, spanKey } from "./table.tsx";
import { type Filter, type Sort, type SpanQuery, spanQuery, splitPick, type TracesSearch } from "./url.ts";

const NO_FILTERS: Filter[] = [];
const MAX_COMPARED = 6;

export default function TracesScreen() {
  const { t, fmt } = useLocale();
  const { project, can } = useProject();
  const search = useSearch({ strict: false }) as TracesSearch;
  const navigate = useNavigate();
  const client = useQueryClient();
  const table = useRef<SpanTableHandle>(null);
  const [now, setNow] = useState(Date.now);
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [facetsShown, setFacetsShown] = useState(() => window.innerWidth > 1100);
  const [previewShown, setPreviewShown] = useState(() => window.innerWidth > 1000);

  const query = useMemo(() => spanQuery(search, now), [search, now]);
  const sort: Sort = search.sort ?? "start_time";
  const dir = search.dir ?? "desc";
  const list = useInfiniteQuery(spansQuery(project.id, query, sort, dir));
  const facets = useQuery(facetsQuery(project.id, query));
  const spans = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const columns = useMemo(() => chosenColumns(search.cols), [search.cols]);
  const context = useMemo(() => ({ project: project.id, fmt }), [project.id, fmt]);
  const filters = search.f ?? NO_FILTERS;

  const change = useCallback(
    (part: Partial<TracesSearch>, replace = false) =>
      void navigate({ to: ".", search: ((old: TracesSearch) => ({ ...old, ...part })) as never, replace }),
    [navigate],
  );
  const setFilters = useCallback((f: Filter[]) => change({ f }), [change]);
  const setQuery = useCallback((q: string) => change({ q }, true), [change]);
  const setSort = useCallback(
    (next: Sort) => change({ sort: next, dir: next === sort && dir === "desc" ? "asc" : (undefined as never) }),
    [change, sort, dir],
  );
  const refresh = () => {
    setNow(Date.now());
    void client.invalidateQueries({ queryKey: ["spans", project.id] });
    void client.invalidateQueries({ queryKey: ["facets", project.id] });
    void client.invalidateQueries({ queryKey: ["histogram", project.id] });
  };

  const selectedIndex = search.sel ? spans.findIndex((span) => spanKey(span) === search.sel) : -1;
  const select = useCallback(
    (index: number) => {
      const span = spans[index];
      if (span) change({ sel: spanKey(span) }, true);
    },
    [spans, change],
  );
  const open = useCallback(
    (index: number) => {
      const span = spans[index];
      if (!span) return;
      void navigate({
        to: "/p/$project/traces/$traceId",
        params: { project: project.id, traceId: span.trace_id },
        search: { span: span.span_id },
      });
    },
    [spans, navigate, project.id],
  );
  const move = (step: number) => {
    const next = Math.min(spans.length - 1, Math.max(0, selectedIndex + step));
    select(next);
    table.current?.scrollTo(next);
  };
  const tick = useCallback((key: string) => {
    setTicked((old) => {
      const next = new Set(old);
      if (!next.delete(key) && next.size < MAX_COMPARED) next.add(key);
      return next;
    });
  }, []);
  const compare = () =>
    void navigate({
      to: "/p/$project/compare",
      params: { project: project.id },
      search: { ids: [...ticked].join(",") },
    });

  useKeys([
    { keys: "j", label: "keys.down", run: () => move(1) },
    { keys: "ArrowDown", label: "keys.down", run: () => move(1) },
    { keys: "k", label: "keys.up", run: () => move(-1) },
    { keys: "ArrowUp", label: "keys.up", run: () => move(-1) },
    { keys: "Enter", label: "keys.open", run: () => open(selectedIndex) },
    { keys: "x", label: "keys.tick", run: () => spans[selectedIndex] && tick(spanKey(spans[selectedIndex])) },
    { keys: "c", label: "keys.compare", run: () => ticked.size > 1 && compare() },
    { keys: "f", label: "keys.facets", run: () => setFacetsShown(!facetsShown) },
    { keys: "p", label: "keys.preview", run: () => setPreviewShown(!previewShown) },
    { keys: "r", label: "keys.refresh", run: refresh },
  ]);

  const { fetchNextPage, hasNextPage, isFetchingNextPage } = list;
  const nearEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const narrowed = filters.length > 0 || search.q !== undefined || search.from !== undefined || search.to !== undefined;
  const total = facets.data?.total;
  // Nothing to narrow and nothing to preview: the whole room belongs to the way in.
  const bare = !narrowed && total === 0 && spans.length === 0;

  const body = list.isError ? (
    <ErrorPanel error={list.error} retry={() => void list.refetch()} />
  ) : list.isPending ? (
    <Loading />
  ) : spans.length === 0 ? (
    <NothingYet
      narrowed={narrowed}
      range={search.range}
      onWiden={() => change({ f: undefined, q: undefined, from: undefined, to: undefined, range: "all" } as never)}
    />
  ) : (
    <SpanTable
      label={t("traces.table")}
      spans={spans}
      total={total}
      columns={columns}
      context={context}
      selected={search.sel}
      ticked={ticked}
      sort={sort}
      descending={dir === "desc"}
      busy={list.isFetching}
      onSelect={select}
      onOpen={open}
      onTick={tick}
      onSort={setSort}
      onNearEnd={nearEnd}
      handle={table}
    />
  );
  const main = (
    <>
      {!bare && (
        <HistogramStrip
          project={project.id}
          query={query}
          onZoom={(from, to) => change({ from, to, range: undefined as never })}
          onReset={() => change({ from: undefined, to: undefined } as never)}
        />
      )}
      <div className={css.status} role="status">
        <span>
          {total !== undefined && <strong>{t("traces.count", { n: total, shown: fmt.count(total) })}</strong>}
          {spans.length > 0 && total !== undefined && spans.length < total && (
            <span className={css.quiet}> {t("traces.loaded", { n: spans.length })}</span>
          )}
        </span>
        {list.isFetching && <span className={css.quiet}>{t("ui.loading")}</span>}
        {ticked.size > 0 && (
          <span className={css.ticked}>
            {t("compare.ticked", { n: ticked.size })}
            <Button icon="compare" disabled={ticked.size < 2} onClick={compare}>
              {t("compare.action")}
            </Button>
            <Button variant="ghost" onClick={() => setTicked(new Set())}>
              {t("compare.clear")}
            </Button>
          </span>
        )}
      </div>
      {body}
    </>
  );
  return (
    <>
      <PageHead title={t("nav.traces")}>
        {can("traces:export") && <ExportMenu project={project.id} query={query} />}
        <IconButton icon="refresh" label={t("traces.refresh")} onClick={refresh} />
        <IconButton
          icon="filter"
          label={t("keys.facets")}
          pressed={facetsShown}
          onClick={() => setFacetsShown(!facetsShown)}
        />
        <IconButton
          icon="panel"
          label={t("keys.preview")}
          pressed={previewShown}
          onClick={() => setPreviewShown(!previewShown)}
        />
      </PageHead>
      <div className={css.bar}>
        <SearchBox value={search.q ?? ""} label={t("traces.search")} onChange={setQuery} />
        <RangeMenu search={search} onChange={change} />
        <ViewMenu
          onChoose={(view) =>
            void navigate({ to: ".", search: { ...view, ...(search.cols ? { cols: search.cols } : {}) } as never })
          }
        />
        <AddFilter onAdd={(filter) => setFilters([...filters, filter])} />
        <ColumnChooser cols={search.cols} onChange={(cols) => change({ cols: cols as never }, true)} />
        <FilterChips filters={filters} onChange={setFilters} />
      </div>
      <div className={css.panes}>
        {facetsShown && !bare && <FacetSidebar facets={facets.data} filters={filters} onChange={setFilters} />}
        {previewShown && !bare ? (
          <SideSplit
            name="traces"
            label={t("ui.resize")}
            initial={380}
            side={<SpanPreview project={project.id} pick={splitPick(search.sel ?? "")} />}
          >
            {main}
          </SideSplit>
        ) : (
          <div className={css.main}>{main}</div>
        )}
      </div>
    </>
  );
}

/** Downloads what the filters leave, all pages of it. */
function ExportMenu({ project, query }: { project: string; query: SpanQuery }) {
  const { t } = useLocale();
  const run = (format: "jsonl" | "parquet") => {
    location.href = projectPath(project, `export/spans?${new URLSearchParams({ format, ...query })}`);
  };
  return (
    <Menu
      label={t("traces.export")}
      align="end"
      trigger={
        <>
          <Icon name="download" size={14} /> {t("traces.export")}
        </>
      }
      items={[
        { label: "JSON Lines", run: () => run("jsonl") },
        { label: "Parquet", run: () => run("parquet") },
      ]}
    />
  );
}

function ColumnChooser({ cols, onChange }: { cols: string | undefined; onChange: (cols: string | undefined) => void }) {
  const { t } = useLocale();
  const shown = chosenColumns(cols).map((column) => column.id);
  const toggle = (id: string) => {
    const next = shown.includes(id) ? shown.filter((other) => other !== id) : [...shown, id];
    const same = next.join() === DEFAULT_COLUMNS.join();
    onChange(same || next.length === 0 ? undefined : next.join(","));
  };
  return (
    <Popover
      label={t("traces.columns")}
      role="dialog"
      trigger={
        <>
          <Icon name="columns" size={14} /> {t("traces.columns")}
        </>
      }
    >
      {() => (
        <div className={css.columns}>
          {SPAN_COLUMNS.map((column) => (
            <Checkbox
              key={column.id}
              label={t(column.label)}
              checked={shown.includes(column.id)}
              onChange={() => toggle(column.id)}
            />
          ))}
          <Button variant="ghost" onClick={() => onChange(undefined)}>
            {t("traces.columnsReset")}
          </Button>
        </div>
      )}
    </Popover>
  );
}
