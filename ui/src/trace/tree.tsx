/** Tree and waterfall as one windowed list: the tree at the left, one shared time axis at the right. */
import { memo, type PointerEvent, type Ref, useImperativeHandle, useMemo, useRef, useState } from "react";
import type { SpanKind, TraceSkeleton } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { cx } from "../ui/classes.ts";
import { KIND_FAMILY, KindMark } from "../ui/marks.tsx";
import { useRowWindow } from "../ui/rows.ts";
import { Divider, useStoredNumber } from "../ui/split.tsx";
import { gaps, hasChildren, type Interval, type TraceLayout, tickStep } from "./layout.ts";
import css from "./tree.module.css";

const ROW = 34;
const INDENT = 14;
const MAX_INDENT = 18;

export interface TimeWindowUs {
  from: number;
  to: number;
}
export interface TreeHandle {
  scrollTo: (index: number) => void;
}

export function TraceTree(props: {
  skeleton: TraceSkeleton;
  layout: TraceLayout;
  visible: Int32Array;
  closed: ReadonlySet<number>;
  hits: Uint8Array | null;
  selected: number;
  zoom: TimeWindowUs;
  onSelect: (node: number) => void;
  onToggle: (node: number) => void;
  onZoom: (zoom: TimeWindowUs | null) => void;
  handle: Ref<TreeHandle>;
}) {
  const { t } = useLocale();
  const { skeleton, layout, visible, zoom } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useStoredNumber("trace.tree", 380);
  const rows = useRowWindow(scroller, visible.length, ROW);
  const { scrollTo } = rows;
  useImperativeHandle(props.handle, () => ({ scrollTo }), [scrollTo]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another trace needs another cache
  const gapCache = useMemo(() => new Map<number, Interval[]>(), [layout]);
  const shown: number[] = [];
  for (let i = rows.start; i < Math.min(rows.end, visible.length); i++) shown.push(i);
  return (
    <div className={css.frame}>
      <div className={css.head}>
        <div className={css.headTree} style={{ width: `min(${width}px, 50%)` }}>
          {t("trace.tree")}
        </div>
        <Divider label={t("ui.resize")} size={width} min={180} max={900} onResize={setWidth} />
        <Axis zoom={zoom} onZoom={props.onZoom} />
      </div>
      <div
        ref={scroller}
        className={css.scroller}
        role="tree"
        aria-label={t("trace.treeLabel")}
        tabIndex={0}
        aria-activedescendant={props.selected >= 0 ? `node-${props.selected}` : undefined}
      >
        <div role="presentation" style={{ height: rows.height, position: "relative" }}>
          <div role="presentation" className={css.window} style={{ transform: `translateY(${rows.start * ROW}px)` }}>
            {shown.map((at) => (
              <TreeRow
                // Rows that scroll out lend their elements to those that scroll in.
                key={at % shown.length}
                node={visible[at]!}
                skeleton={skeleton}
                layout={layout}
                gapCache={gapCache}
                width={width}
                from={zoom.from}
                to={zoom.to}
                selected={visible[at] === props.selected}
                closed={props.closed.has(visible[at]!)}
                dim={props.hits !== null && !props.hits[visible[at]!]}
                onSelect={props.onSelect}
                onToggle={props.onToggle}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

const TreeRow = memo(function TreeRow(props: {
  node: number;
  skeleton: TraceSkeleton;
  layout: TraceLayout;
  gapCache: Map<number, Interval[]>;
  width: number;
  from: number;
  to: number;
  selected: boolean;
  closed: boolean;
  dim: boolean;
  onSelect: (node: number) => void;
  onToggle: (node: number) => void;
}) {
  const { t, fmt } = useLocale();
  const { node, skeleton, layout } = props;
  const { columns } = skeleton;
  const missing = columns.missing[node] === 1;
  const parent = hasChildren(layout, node);
  const depth = layout.depth[node]!;
  const kind: SpanKind = skeleton.kinds[columns.kind[node]!] ?? "span";
  const failed = columns.status[node] === 2;
  const model = skeleton.models[columns.model_index[node]!] ?? "";
  const tokens = columns.total_tokens[node]!;
  const cost = columns.cost_usd[node]!;
  const notes = [
    model,
    tokens > 0 ? t("unit.tok", { n: tokens }) : "",
    cost > 0 ? fmt.cost(cost) : "",
    props.closed ? t("trace.hidden", { n: layout.end[node]! - node - 1 }) : "",
  ].filter(Boolean);
  return (
    <div
      id={`node-${node}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={props.selected}
      aria-expanded={parent ? !props.closed : undefined}
      className={cx(css.row, props.selected && css.selected, props.dim && css.dim)}
      onClick={() => props.onSelect(node)}
    >
      <div
        className={css.name}
        style={{ width: `min(${props.width}px, 50%)`, paddingLeft: 6 + Math.min(depth, MAX_INDENT) * INDENT }}
      >
        {parent ? (
          <span
            className={css.fold}
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation();
              props.onToggle(node);
            }}
          >
            {props.closed ? "▸" : "▾"}
          </span>
        ) : (
          <span className={css.leaf} />
        )}
        <KindMark kind={kind} />
        <span className={css.texts}>
          <span className={cx(css.label, missing && css.missing)}>
            {missing ? t("trace.missingParent") : skeleton.names[columns.name_index[node]!]}
            {failed && (
              <span className={css.failed} role="img" aria-label={t("status.error")}>
                ✕
              </span>
            )}
          </span>
          {notes.length > 0 && <span className={css.notes}>{notes.join(" · ")}</span>}
        </span>
      </div>
      <div className={css.track}>
        <Bar {...props} kind={kind} failed={failed} missing={missing} parent={parent} />
      </div>
    </div>
  );
});

/** Gaps narrower than this share of the window would be less than a pixel. */
const FINEST = 0.0012;
const MOST_GAPS = 60;

function Bar(props: {
  node: number;
  layout: TraceLayout;
  gapCache: Map<number, Interval[]>;
  from: number;
  to: number;
  kind: SpanKind;
  failed: boolean;
  missing: boolean;
  parent: boolean;
}) {
  const { fmt } = useLocale();
  const { layout, node, from, to } = props;
  const start = layout.startUs[node]!;
  const duration = layout.durationUs[node]!;
  const range = Math.max(1, to - from);
  const low = Math.max(start, from);
  const high = Math.min(start + duration, to);
  if (high < low || low > to) return null;
  const share = (us: number) => (us / range) * 100;
  const left = share(low - from);
  const size = share(high - low);
  const holes = props.parent && !props.missing ? gapsOf(props.gapCache, layout, node) : [];
  const drawn = holes
    .map(([a, b]): Interval => [Math.max(a, low), Math.min(b, high)])
    .filter(([a, b]) => (b - a) / range > FINEST)
    .slice(0, MOST_GAPS);
  const style = { "--kind": `var(--kind-${KIND_FAMILY[props.kind].family})` } as React.CSSProperties;
  // Beside the bar where there is room, else in its middle: its ends stay in sight, they are what the axis measures.
  const after = left + size < 82;
  const before = left > 14;
  const place = after
    ? { left: `${left + size}%` }
    : before
      ? { right: `${100 - left}%` }
      : { left: `${left + size / 2}%` };
  return (
    <>
      <span
        className={cx(
          css.bar,
          props.parent && css.parentBar,
          props.failed && css.failedBar,
          props.missing && css.missingBar,
        )}
        style={{ ...style, left: `${left}%`, width: `${size}%` }}
      >
        {drawn.map(([a, b]) => (
          <span
            key={a}
            className={css.gap}
            style={{ left: `${((a - low) / (high - low)) * 100}%`, width: `${((b - a) / (high - low)) * 100}%` }}
          />
        ))}
      </span>
      <span className={cx(css.time, !after && !before && css.within)} style={place}>
        {fmt.duration(duration / 1000)}
      </span>
    </>
  );
}

function gapsOf(cache: Map<number, Interval[]>, layout: TraceLayout, node: number): Interval[] {
  let found = cache.get(node);
  if (!found) {
    found = gaps(layout, node);
    cache.set(node, found);
  }
  return found;
}

/** The time axis; dragging over it zooms, a double click shows the whole again. */
function Axis(props: { zoom: TimeWindowUs; onZoom: (zoom: TimeWindowUs | null) => void }) {
  const { t, fmt } = useLocale();
  const { zoom } = props;
  const axis = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const range = zoom.to - zoom.from;
  const step = tickStep(range, 6);
  const ticks: number[] = [];
  for (let at = Math.ceil(zoom.from / step) * step; at < zoom.to && ticks.length < 20; at += step) ticks.push(at);
  const at = (event: PointerEvent): number => {
    const box = axis.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  return (
    <div
      ref={axis}
      className={css.axis}
      title={t("trace.axisHint")}
      role="img"
      aria-label={t("trace.axis", { from: fmt.duration(zoom.from / 1000), to: fmt.duration(zoom.to / 1000) })}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([at(event), at(event)]);
      }}
      onPointerMove={(event) => drag && setDrag([drag[0], at(event)])}
      onPointerUp={() => {
        if (drag && Math.abs(drag[1] - drag[0]) > 0.01)
          props.onZoom({
            from: zoom.from + Math.min(...drag) * range,
            to: zoom.from + Math.max(...drag) * range,
          });
        setDrag(null);
      }}
      onDoubleClick={() => props.onZoom(null)}
    >
      {ticks.map((tick) => (
        <span key={tick} className={css.tick} style={{ left: `${((tick - zoom.from) / range) * 100}%` }}>
          {fmt.duration(tick / 1000)}
        </span>
      ))}
      {drag && (
        <span
          className={css.selection}
          style={{ left: `${Math.min(...drag) * 100}%`, width: `${Math.abs(drag[1] - drag[0]) * 100}%` }}
        />
      )}
    </div>
  );
}
