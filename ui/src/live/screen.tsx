/** Live: spans as they arrive. New rows wait under a pill while the reader is elsewhere in the list or has paused. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { chosenColumns } from "../traces/columns.tsx";
import { AddFilter, FilterChips, SearchBox } from "../traces/filter-bar.tsx";
import { SpanPreview } from "../traces/preview.tsx";
import css from "../traces/screen.module.css";
import { SpanTable, spanKey } from "../traces/table.tsx";
import { type Filter, splitPick, type TracesSearch } from "../traces/url.ts";
import { Button } from "../ui/button.tsx";
import { useKeys } from "../ui/keys.tsx";
import { Badge } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { SideSplit } from "../ui/split.tsx";
import { Empty } from "../ui/state.tsx";
import { useLiveSpans } from "./stream.ts";

const NOTHING_TICKED: ReadonlySet<string> = new Set();
const NO_FILTERS: Filter[] = [];

export default function LiveScreen() {
  const { t, fmt } = useLocale();
  const { project } = useProject();
  const search = useSearch({ strict: false }) as TracesSearch;
  const navigate = useNavigate();
  const [paused, setPaused] = useState(false);
  const filters = search.f ?? NO_FILTERS;
  // A selected row is being read: it must not move away under the reader's eyes.
  const held = paused || search.sel !== undefined;
  const { shown, waiting, state, show } = useLiveSpans(project.id, filters, search.q, held);
  const columns = useMemo(() => chosenColumns(search.cols), [search.cols]);
  const context = useMemo(() => ({ project: project.id, fmt }), [project.id, fmt]);
  const change = useCallback(
    (part: object) =>
      void navigate({ to: ".", search: ((old: object) => ({ ...old, ...part })) as never, replace: true }),
    [navigate],
  );
  const setFilters = useCallback((f: Filter[]) => change({ f }), [change]);
  const setQuery = useCallback((q: string) => change({ q }), [change]);
  const select = useCallback(
    (index: number) => shown[index] && change({ sel: spanKey(shown[index]) }),
    [shown, change],
  );
  const open = useCallback(
    (index: number) => {
      const span = shown[index];
      if (span)
        void navigate({
          to: "/p/$project/traces/$traceId",
          params: { project: project.id, traceId: span.trace_id },
          search: { span: span.span_id },
        });
    },
    [shown, navigate, project.id],
  );
  const at = shown.findIndex((span) => spanKey(span) === search.sel);
  const resume = () => {
    setPaused(false);
    change({ sel: undefined });
    show();
  };
  useKeys([
    { keys: "j", label: "keys.down", run: () => select(Math.min(shown.length - 1, at + 1)) },
    { keys: "k", label: "keys.up", run: () => select(Math.max(0, at - 1)) },
    { keys: "Enter", label: "keys.open", run: () => open(at) },
    { keys: " ", label: "keys.pause", run: () => (paused ? resume() : setPaused(true)) },
    { keys: ".", label: "keys.showNew", run: resume },
  ]);
  return (
    <>
      <PageHead title={t("nav.live")}>
        <span role="status" className={css.state}>
          <Badge tone={state === "open" && !paused ? "ok" : state === "broken" ? "error" : "warn"}>
            {paused ? t("live.paused") : t(`live.${state}`)}
          </Badge>
        </span>
        <Button icon={paused ? "play" : "pause"} onClick={() => (paused ? resume() : setPaused(true))}>
          {t(paused ? "live.resume" : "live.pause")}
        </Button>
      </PageHead>
      <div className={css.bar}>
        <SearchBox value={search.q ?? ""} label={t("traces.search")} onChange={setQuery} />
        <AddFilter onAdd={(filter) => setFilters([...filters, filter])} />
        <FilterChips filters={filters} onChange={setFilters} />
      </div>
      <SideSplit
        name="traces"
        label={t("ui.resize")}
        initial={380}
        side={<SpanPreview project={project.id} pick={splitPick(search.sel ?? "")} />}
      >
        <div className={css.status}>
          <span className={css.quiet}>{t("unit.spans", { n: shown.length })}</span>
          {waiting.length > 0 && (
            <button type="button" className={css.pill} onClick={resume}>
              ↑ {t("live.new", { n: waiting.length })}
            </button>
          )}
        </div>
        {shown.length === 0 ? (
          <Empty icon="live" title={t("live.none")}>
            <p>{t("live.noneText")}</p>
          </Empty>
        ) : (
          <SpanTable
            label={t("nav.live")}
            spans={shown}
            total={shown.length}
            columns={columns}
            context={context}
            selected={search.sel}
            ticked={NOTHING_TICKED}
            tickable={false}
            onSelect={select}
            onOpen={open}
          />
        )}
      </SideSplit>
    </>
  );
}
