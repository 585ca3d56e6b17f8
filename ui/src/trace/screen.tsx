/** One trace: tree and waterfall, or its transcript, beside the detail of the span in focus. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type Ref, useCallback, useRef } from "react";
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
import { hasChildren, selfUs } from "./layout.ts";
import css from "./screen.module.css";
import { TranscriptView } from "./transcript.tsx";
import { TraceTree, type TreeHandle } from "./tree.tsx";
import type { TraceSearch, TraceTab } from "./url.ts";
import { type Tree, useTree } from "./use-tree.ts";

export default function TraceScreen() {
  const { project } = useProject();
  const traceId = useParams({ strict: false, select: (params) => params.traceId ?? "" });
  const skeleton = useQuery(skeletonQuery(project.id, traceId));
  if (skeleton.isError) return <ErrorPanel page error={skeleton.error} retry={() => void skeleton.refetch()} />;
  if (skeleton.isPending) return <Loading />;
  return <TraceView key={traceId} project={project.id} skeleton={skeleton.data} />;
}

function TraceView({ project, skeleton }: { project: string; skeleton: TraceSkeleton }) {
  const { t } = useLocale();
  const search = useSearch({ strict: false }) as TraceSearch;
  const navigate = useNavigate();
  const handle = useRef<TreeHandle>(null);
  const change = useCallback(
    (part: SearchChange) =>
      void navigate({ to: ".", search: ((old: TraceSearch) => ({ ...old, ...part })) as never, replace: true }),
    [navigate],
  );
  const tree = useTree(skeleton, search, change, handle);
  const tab: TraceTab = search.tab ?? "tree";
  const setTab = (next: TraceTab) => change({ tab: next === "tree" ? undefined : next });
  useKeys([
    { keys: "j", label: "keys.down", run: () => tree.step(1) },
    { keys: "ArrowDown", label: "keys.down", run: () => tree.step(1) },
    { keys: "k", label: "keys.up", run: () => tree.step(-1) },
    { keys: "ArrowUp", label: "keys.up", run: () => tree.step(-1) },
    { keys: "]", label: "keys.nextSibling", run: () => tree.sibling(1) },
    { keys: "[", label: "keys.previousSibling", run: () => tree.sibling(-1) },
    { keys: "ArrowRight", label: "keys.unfold", run: tree.unfold },
    { keys: "ArrowLeft", label: "keys.fold", run: tree.fold },
    { keys: "n", label: "keys.nextError", run: tree.nextError },
    { keys: "z", label: "keys.zoomSpan", run: tree.zoomToSelected },
    { keys: "a", label: "keys.zoomAll", run: () => tree.setZoom(null) },
    { keys: "o", label: "keys.foldAll", run: tree.foldAll },
    { keys: "t", label: "keys.transcript", run: () => setTab(tab === "tree" ? "transcript" : "tree") },
  ]);
  return (
    <>
      <TraceHead project={project} skeleton={skeleton} tab={tab} onTab={setTab} />
      <SideSplit
        name="trace"
        label={t("ui.resize")}
        initial={460}
        side={<Selected project={project} skeleton={skeleton} tree={tree} />}
      >
        {tab === "transcript" ? (
          <TranscriptView
            project={project}
            traceId={skeleton.trace_id}
            selected={skeleton.columns.span_id[tree.selected] ?? ""}
            onSelect={(span) => change({ span })}
          />
        ) : (
          <TreePane skeleton={skeleton} tree={tree} q={search.q ?? ""} change={change} handle={handle} />
        )}
      </SideSplit>
    </>
  );
}

type SearchChange = { [Key in keyof TraceSearch]?: TraceSearch[Key] | undefined };

/** The detail of the selected row; a parent that never arrived has none. */
function Selected({ project, skeleton, tree }: { project: string; skeleton: TraceSkeleton; tree: Tree }) {
  const { t } = useLocale();
  const { columns } = skeleton;
  const spanId = columns.span_id[tree.selected];
  if (spanId === undefined) return <Empty icon="panel" title={t("preview.none")} />;
  if (columns.missing[tree.selected] === 1)
    return (
      <Empty icon="panel" title={t("trace.missingParent")}>
        <p>{t("trace.missingText", { id: spanId })}</p>
      </Empty>
    );
  const { layout, selected } = tree;
  return (
    <SpanDetailPane
      project={project}
      traceId={skeleton.trace_id}
      spanId={spanId}
      at={skeleton.start_time}
      selfMs={hasChildren(layout, selected) ? selfUs(layout, selected) / 1000 : undefined}
    />
  );
}

function TreePane(props: {
  skeleton: TraceSkeleton;
  tree: Tree;
  q: string;
  change: (part: SearchChange) => void;
  handle: Ref<TreeHandle>;
}) {
  const { t } = useLocale();
  const { skeleton, tree, change } = props;
  const setQuery = useCallback((q: string) => change({ q }), [change]);
  return (
    <>
      <div className={css.tools}>
        <SearchBox value={props.q} label={t("trace.search")} onChange={setQuery} />
        {tree.hits && (
          <span className={css.quiet}>{t("trace.hits", { n: tree.hits.reduce((sum, hit) => sum + hit, 0) })}</span>
        )}
        <span className={css.grow} />
        <Button variant="ghost" onClick={tree.foldAll}>
          {t(tree.closed.size > 0 ? "trace.unfoldAll" : "trace.foldAll")}
        </Button>
        <Button variant="ghost" disabled={tree.zoom === null} onClick={() => tree.setZoom(null)}>
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
        layout={tree.layout}
        visible={tree.visible}
        closed={tree.closed}
        hits={tree.hits}
        selected={tree.selected}
        zoom={tree.zoom ?? tree.whole}
        onSelect={tree.select}
        onToggle={tree.toggle}
        onZoom={tree.setZoom}
        handle={props.handle}
      />
    </>
  );
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
