/** One trace: tree and waterfall, or its transcript, beside the detail of the span in focus. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { TraceSkeleton } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { SearchBox } from "../traces/filter-bar.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Segmented } from "../ui/field.tsx";
import { useKeys } from "../ui/keys.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { SideSplit } from "../ui/split.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { skeletonQuery } from "./api.ts";
import { SpanDetailPane } from "./detail.tsx";
import { buildLayout, findHits, hasChildren, selfUs, visibleNodes } from "./layout.ts";
import css from "./screen.module.css";
import { TranscriptView } from "./transcript.tsx";
import { type TimeWindowUs, TraceTree, type TreeHandle } from "./tree.tsx";
import type { TraceSearch, TraceTab } from "./url.ts";

export default function TraceScreen() {
  const { project } = useProject();
  const traceId = useParams({ strict: false, select: (params) => params.traceId ?? "" });
  const skeleton = useQuery(skeletonQuery(project.id, traceId));
  if (skeleton.isError) return <ErrorPanel error={skeleton.error} retry={() => void skeleton.refetch()} />;
  if (skeleton.isPending) return <Loading />;
  return <TraceView key={traceId} project={project.id} skeleton={skeleton.data} />;
}

function TraceView({ project, skeleton }: { project: string; skeleton: TraceSkeleton }) {
  const { t } = useLocale();
  const search = useSearch({ strict: false }) as TraceSearch;
  const navigate = useNavigate();
  const tree = useRef<TreeHandle>(null);
  const layout = useMemo(() => buildLayout(skeleton), [skeleton]);
  const rowOf = useMemo(() => new Map(skeleton.columns.span_id.map((id, row) => [id, row])), [skeleton]);
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());
  const query = useDeferredValue(search.q ?? "");
  const hits = useMemo(() => findHits(skeleton, layout, query), [skeleton, layout, query]);
  const visible = useMemo(() => visibleNodes(layout, closed, hits), [layout, closed, hits]);
  const selected = search.span ? (rowOf.get(search.span) ?? -1) : (visible[0] ?? -1);
  const whole = useMemo<TimeWindowUs>(() => wholeWindow(layout.startUs, layout.durationUs), [layout]);
  const [zoom, setZoom] = useState<TimeWindowUs | null>(null);

  const change = useCallback(
    (part: Partial<TraceSearch>) =>
      void navigate({ to: ".", search: ((old: TraceSearch) => ({ ...old, ...part })) as never, replace: true }),
    [navigate],
  );
  const setQuery = useCallback((q: string) => change({ q }), [change]);
  const select = useCallback(
    (node: number) => {
      const span = skeleton.columns.span_id[node];
      if (span !== undefined) change({ span });
    },
    [skeleton, change],
  );
  const toggle = useCallback((node: number) => {
    setClosed((old) => {
      const next = new Set(old);
      if (!next.delete(node)) next.add(node);
      return next;
    });
  }, []);
  const reveal = useCallback(
    (node: number) => {
      const index = visible.indexOf(node);
      if (index >= 0) tree.current?.scrollTo(index);
    },
    [visible],
  );
  const moveTo = (node: number | undefined) => {
    if (node === undefined || node < 0) return;
    select(node);
    reveal(node);
  };
  const at = visible.indexOf(selected);
  const step = (by: number) => moveTo(visible[Math.min(visible.length - 1, Math.max(0, at + by))]);
  const sibling = (by: number) => {
    const depth = layout.depth[selected] ?? 0;
    for (let i = at + by; i >= 0 && i < visible.length; i += by) {
      const other = layout.depth[visible[i]!]!;
      if (other < depth) return;
      if (other === depth) return moveTo(visible[i]);
    }
  };
  const nextError = () => {
    for (let i = 1; i <= visible.length; i++) {
      const node = visible[(at + i) % visible.length]!;
      if (skeleton.columns.status[node] === 2) return moveTo(node);
    }
  };
  const right = () => {
    if (closed.has(selected)) toggle(selected);
    else if (hasChildren(layout, selected)) moveTo(layout.childList[layout.childStart[selected]!]);
  };
  const left = () => {
    if (hasChildren(layout, selected) && !closed.has(selected)) toggle(selected);
    else moveTo(layout.parent[selected]);
  };
  const foldAll = () => {
    if (closed.size > 0) return setClosed(new Set());
    const next = new Set<number>();
    for (let node = 0; node < layout.count; node++)
      if (layout.depth[node]! >= 1 && hasChildren(layout, node)) next.add(node);
    setClosed(next);
  };
  const focusZoom = () => {
    if (selected < 0) return;
    const from = layout.startUs[selected]!;
    const duration = Math.max(10, layout.durationUs[selected]!);
    setZoom({ from: from - duration * 0.05, to: from + duration * 1.05 });
  };
  useKeys([
    { keys: "j", label: "keys.down", run: () => step(1) },
    { keys: "ArrowDown", label: "keys.down", run: () => step(1) },
    { keys: "k", label: "keys.up", run: () => step(-1) },
    { keys: "ArrowUp", label: "keys.up", run: () => step(-1) },
    { keys: "]", label: "keys.nextSibling", run: () => sibling(1) },
    { keys: "[", label: "keys.previousSibling", run: () => sibling(-1) },
    { keys: "ArrowRight", label: "keys.unfold", run: right },
    { keys: "ArrowLeft", label: "keys.fold", run: left },
    { keys: "n", label: "keys.nextError", run: nextError },
    { keys: "z", label: "keys.zoomSpan", run: focusZoom },
    { keys: "a", label: "keys.zoomAll", run: () => setZoom(null) },
    { keys: "o", label: "keys.foldAll", run: foldAll },
    {
      keys: "t",
      label: "keys.transcript",
      run: () => change({ tab: search.tab ? (undefined as never) : "transcript" }),
    },
  ]);
  // A span named by the URL must be in sight when the page opens.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once per trace
  useEffect(() => reveal(selected), []);

  const missing = skeleton.columns.missing[selected] === 1;
  const spanId = missing ? "" : (skeleton.columns.span_id[selected] ?? "");
  const tab: TraceTab = search.tab ?? "tree";
  return (
    <>
      <TraceHead
        project={project}
        skeleton={skeleton}
        tab={tab}
        onTab={(next) => change({ tab: next === "tree" ? (undefined as never) : next })}
      />
      <SideSplit
        name="trace"
        label={t("ui.resize")}
        initial={460}
        side={
          spanId === "" ? (
            <Empty icon="panel" title={t(missing ? "trace.missingParent" : "preview.none")}>
              {missing && <p>{t("trace.missingText", { id: skeleton.columns.span_id[selected] ?? "" })}</p>}
            </Empty>
          ) : (
            <SpanDetailPane
              project={project}
              traceId={skeleton.trace_id}
              spanId={spanId}
              at={skeleton.start_time}
              selfMs={hasChildren(layout, selected) ? selfUs(layout, selected) / 1000 : undefined}
            />
          )
        }
      >
        {tab === "transcript" ? (
          <TranscriptView
            project={project}
            traceId={skeleton.trace_id}
            selected={spanId}
            onSelect={(span) => change({ span })}
          />
        ) : (
          <>
            <div className={css.tools}>
              <SearchBox value={search.q ?? ""} label={t("trace.search")} onChange={setQuery} />
              {hits && (
                <span className={css.quiet}>{t("trace.hits", { n: hits.reduce((sum, hit) => sum + hit, 0) })}</span>
              )}
              <span className={css.grow} />
              <Button variant="ghost" onClick={foldAll}>
                {t(closed.size > 0 ? "trace.unfoldAll" : "trace.foldAll")}
              </Button>
              <Button variant="ghost" disabled={zoom === null} onClick={() => setZoom(null)}>
                {t("trace.zoomAll")}
              </Button>
            </div>
            {skeleton.truncated && (
              <p className={css.notice}>
                {t("trace.truncated", { n: skeleton.columns.span_id.length, total: skeleton.span_count })}
              </p>
            )}
            <TraceTree
              skeleton={skeleton}
              layout={layout}
              visible={visible}
              closed={closed}
              hits={hits}
              selected={selected}
              zoom={zoom ?? whole}
              whole={whole}
              onSelect={select}
              onToggle={toggle}
              onZoom={setZoom}
              handle={tree}
            />
          </>
        )}
      </SideSplit>
    </>
  );
}

function wholeWindow(startUs: Float64Array, durationUs: Float64Array): TimeWindowUs {
  let from = Number.POSITIVE_INFINITY;
  let to = 1;
  for (let i = 0; i < startUs.length; i++) {
    from = Math.min(from, startUs[i]!);
    to = Math.max(to, startUs[i]! + durationUs[i]!);
  }
  if (!Number.isFinite(from)) from = 0;
  return { from, to: Math.max(to, from + 1) };
}

function TraceHead(props: { project: string; skeleton: TraceSkeleton; tab: TraceTab; onTab: (tab: TraceTab) => void }) {
  const { t, fmt } = useLocale();
  const { project, skeleton } = props;
  const name = skeleton.names[skeleton.columns.name_index[0] ?? 0] ?? t("trace.untitled");
  return (
    <PageHead
      documentTitle={name}
      title={
        <span className={css.title}>
          <Link to="/p/$project/traces" params={{ project }}>
            {t("nav.traces")}
          </Link>
          <span className={css.quiet}>/</span>
          <span>{name}</span>
          <CopyButton text={skeleton.trace_id} label={t("trace.copyId")} />
        </span>
      }
      lead={
        <span className={css.facts}>
          <span>{fmt.exact(skeleton.start_time)}</span>
          <span>{fmt.duration(skeleton.duration_ms)}</span>
          <span>{t("unit.spans", { n: skeleton.span_count })}</span>
          {skeleton.total_tokens > 0 && <span>{t("unit.tokens", { n: skeleton.total_tokens })}</span>}
          {skeleton.cost_usd !== null && <span>{fmt.cost(skeleton.cost_usd)}</span>}
          {skeleton.error_count > 0 && <Badge tone="error">✕ {t("unit.errors", { n: skeleton.error_count })}</Badge>}
          {skeleton.missing_parents > 0 && (
            <Badge tone="warn">{t("trace.missing", { n: skeleton.missing_parents })}</Badge>
          )}
          {skeleton.session_id && (
            <Link to="/p/$project/sessions/$sessionId" params={{ project, sessionId: skeleton.session_id }}>
              {t("trace.session", { id: skeleton.session_id })}
            </Link>
          )}
          {skeleton.user_id && (
            <Link
              to="/p/$project/traces"
              params={{ project }}
              search={{ f: [["user_id", "in", [skeleton.user_id]]], range: "all" }}
            >
              {t("trace.user", { id: skeleton.user_id })}
            </Link>
          )}
        </span>
      }
    >
      <Segmented
        label={t("trace.tabs")}
        value={props.tab}
        options={[
          { value: "tree", label: t("trace.tabTree") },
          { value: "transcript", label: t("trace.tabTranscript") },
        ]}
        onChange={props.onTab}
      />
    </PageHead>
  );
}
