/** Traces: the observation-first table with facets, histogram, and a preview that never moves the layout. */
import { type Ref, useMemo, useRef, useState } from "react";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { IconButton } from "../ui/button.tsx";
import { useKeys } from "../ui/keys.tsx";
import { PageHead } from "../ui/page.tsx";
import { SideSplit } from "../ui/split.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { chosenColumns } from "./columns.tsx";
import { FacetSidebar } from "./facets.tsx";
import { HistogramStrip } from "./histogram.tsx";
import { NothingYet } from "./nothing-yet.tsx";
import { SpanPreview } from "./preview.tsx";
import css from "./screen.module.css";
import { SpanTable, type SpanTableHandle, spanKey } from "./table.tsx";
import { TickedBar } from "./ticked-bar.tsx";
import { ExportMenu, Toolbar } from "./toolbar.tsx";
import { splitPick } from "./url.ts";
import { useRowFocus } from "./use-row-focus.ts";
import { type SpanList, useSpanList } from "./use-span-list.ts";
import { type Ticks, useTicks } from "./use-ticks.ts";

export default function TracesScreen() {
  const { t } = useLocale();
  const { project, can } = useProject();
  const table = useRef<SpanTableHandle>(null);
  const list = useSpanList(project.id);
  const focus = useRowFocus(project.id, list.spans, list.search.sel, table);
  const ticks = useTicks(project.id);
  const [facetsShown, setFacetsShown] = useState(() => window.innerWidth > 1100);
  const [previewShown, setPreviewShown] = useState(() => window.innerWidth > 1250);
  const toggleFacets = () => setFacetsShown(!facetsShown);
  const togglePreview = () => setPreviewShown(!previewShown);
  const showNew = () => {
    list.refresh();
    table.current?.top();
  };
  useKeys([
    { keys: "j", label: "keys.down", run: () => focus.move(1) },
    { keys: "ArrowDown", label: "keys.down", run: () => focus.move(1) },
    { keys: "k", label: "keys.up", run: () => focus.move(-1) },
    { keys: "ArrowUp", label: "keys.up", run: () => focus.move(-1) },
    { keys: "Enter", label: "keys.open", run: () => focus.open(focus.index) },
    { keys: "x", label: "keys.tick", run: () => focus.span && ticks.tick(spanKey(focus.span)) },
    { keys: "c", label: "keys.compare", run: ticks.compare },
    { keys: "f", label: "keys.facets", run: toggleFacets },
    { keys: "p", label: "keys.preview", run: togglePreview },
    { keys: "r", label: "keys.refresh", run: list.refresh },
    { keys: ".", label: "keys.showNew", run: showNew },
  ]);
  const main = <Main project={project.id} list={list} focus={focus} ticks={ticks} onShowNew={showNew} handle={table} />;
  return (
    <>
      <PageHead title={t("nav.traces")}>
        {can("traces:export") && <ExportMenu project={project.id} query={list.query} />}
        <IconButton icon="refresh" label={t("traces.refresh")} onClick={list.refresh} />
        <IconButton icon="filter" label={t("keys.facets")} pressed={facetsShown} onClick={toggleFacets} />
        <IconButton icon="panel" label={t("keys.preview")} pressed={previewShown} onClick={togglePreview} />
      </PageHead>
      <Toolbar list={list} />
      <div className={css.panes}>
        {facetsShown && !list.bare && (
          <FacetSidebar facets={list.facets} filters={list.filters} onChange={list.setFilters} />
        )}
        {previewShown && !list.bare ? (
          <SideSplit
            name="traces"
            label={t("ui.resize")}
            initial={380}
            side={<SpanPreview project={project.id} pick={splitPick(list.search.sel ?? "")} />}
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

interface MainProps {
  project: string;
  list: SpanList;
  focus: ReturnType<typeof useRowFocus>;
  ticks: Ticks;
  onShowNew: () => void;
  handle: Ref<SpanTableHandle>;
}

function Main(props: MainProps) {
  const { list } = props;
  return (
    <>
      {!list.bare && (
        <HistogramStrip
          project={props.project}
          query={list.query}
          onZoom={(from, to) => list.change({ from, to, range: undefined })}
          onEvidence={(from, to, filter) =>
            list.change({
              from,
              to,
              range: undefined,
              f: [...list.filters.filter((other) => other[0] !== filter[0]), filter],
              ...(filter[0] === "duration_ms" && { sort: "duration", dir: undefined }),
            })
          }
          onReset={() => list.change({ from: undefined, to: undefined })}
        />
      )}
      <StatusLine list={list} ticks={props.ticks} onShowNew={props.onShowNew} />
      <Rows {...props} />
    </>
  );
}

function Rows({ project, list, focus, ticks, handle }: MainProps) {
  const { t, fmt } = useLocale();
  const columns = useMemo(() => chosenColumns(list.search.cols), [list.search.cols]);
  const context = useMemo(() => ({ project, fmt }), [project, fmt]);
  if (list.list.isError) return <ErrorPanel error={list.list.error} retry={() => void list.list.refetch()} />;
  if (list.list.isPending) return <Loading />;
  if (list.spans.length === 0)
    return (
      <NothingYet
        narrowed={list.narrowed}
        range={list.search.range}
        onWiden={() => list.change({ f: undefined, q: undefined, from: undefined, to: undefined, range: "all" })}
      />
    );
  return (
    <SpanTable
      label={t("traces.table")}
      spans={list.spans}
      total={list.total}
      columns={columns}
      context={context}
      selected={list.search.sel}
      ticked={ticks.ticked}
      sort={list.sort}
      descending={list.descending}
      busy={list.list.isFetching}
      onSelect={focus.select}
      onOpen={focus.open}
      onTick={ticks.tick}
      onSort={list.setSort}
      onNearEnd={list.loadMore}
      handle={handle}
    />
  );
}

function StatusLine({ list, ticks, onShowNew }: { list: SpanList; ticks: Ticks; onShowNew: () => void }) {
  const { t, fmt } = useLocale();
  const { total, spans } = list;
  return (
    <div className={css.status} role="status">
      <span>
        {total !== undefined && <strong>{t("traces.count", { n: total, shown: fmt.count(total) })}</strong>}
        {total !== undefined && spans.length > 0 && spans.length < total && (
          <span className={css.quiet}> {t("traces.loaded", { n: spans.length })}</span>
        )}
      </span>
      {list.waiting > 0 && spans.length > 0 && (
        <button type="button" className={css.pill} onClick={onShowNew}>
          ↑ {t("live.new", { n: list.waiting })}
        </button>
      )}
      {list.list.isFetching && <span className={css.quiet}>{t("ui.loading")}</span>}
      {ticks.ticked.size > 0 && <TickedBar ticks={ticks} />}
    </div>
  );
}
