/** Routes: every model alias as a graph with its live traffic; what is chosen in it is edited beside it. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type RefObject, useLayoutEffect, useRef, useState } from "react";
import { useProject } from "../access/project.tsx";
import { Button } from "../ui/button.tsx";
import { cx } from "../ui/classes.ts";
import { CodeBlock } from "../ui/copy.tsx";
import { useKeys } from "../ui/keys.tsx";
import { PageHead } from "../ui/page.tsx";
import { SideSplit } from "../ui/split.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { statusQuery } from "./api.ts";
import { RouteCanaries } from "./canary.tsx";
import { type DraftView, useDraft, useValidation } from "./draft.ts";
import { DraftBar } from "./draft-bar.tsx";
import gateway from "./gateway.module.css";
import { RouteGraph } from "./graph.tsx";
import { Inspector } from "./inspector.tsx";
import { layOut } from "./layout.ts";
import { NewModel } from "./new-model.tsx";
import { percent, rateText } from "./numbers.ts";
import css from "./routes.module.css";
import { type Route, readRoutes } from "./routes-model.ts";
import { statsOfNode, statsOfTraffic, withCanaryShares } from "./stats.ts";
import { useGateway } from "./text/index.ts";

const FIRST_ROUTE = `providers:
  openai: {type: openai, keys: [{env: OPENAI_API_KEY}]}
models:
  support-bot:
    route:
      - split: {sticky: session_id, arms: {a: 90, b: 10}}
        targets: {a: [openai/gpt-4o-mini], b: [local/smollm2]}
        fallback: [local/smollm2]`;

/** Of the graph at both sides, and its scroll bar. */
const PADDING = 40;

interface RoutesSearch {
  model?: string;
  node?: string;
}

export default function RoutesScreen() {
  const { g } = useGateway();
  const { can } = useProject();
  const draft = useDraft();
  const mayChange = can("gateway:manage") && draft.config?.writable !== false;
  const validation = useValidation(draft.text, draft.changed && can("gateway:manage"));
  const [creating, setCreating] = useState(false);
  return (
    <>
      <PageHead title={g("routes.title")} lead={g("routes.lead")}>
        {mayChange && draft.config && (
          <Button icon="plus" onClick={() => setCreating(true)}>
            {g("routes.add")}
          </Button>
        )}
      </PageHead>
      <DraftBar draft={draft} validation={validation} mayChange={mayChange} />
      {draft.error ? (
        <ErrorPanel error={draft.error} retry={draft.refetch} />
      ) : draft.config ? (
        <Body draft={draft} mayChange={mayChange} />
      ) : (
        <Loading />
      )}
      {creating && <NewModel draft={draft} onClose={() => setCreating(false)} />}
    </>
  );
}

function Body({ draft, mayChange }: { draft: DraftView; mayChange: boolean }) {
  const { g } = useGateway();
  const navigate = useNavigate();
  const { project } = useProject();
  const search = useSearch({ strict: false }) as RoutesSearch;
  const status = useQuery(statusQuery);
  const [frame, room] = useRoom();
  const model = readRoutes(draft.text);
  const route = model.routes.find((candidate) => candidate.name === search.model) ?? model.routes[0];
  const go = (next: RoutesSearch) => void navigate({ to: ".", search: next as never, replace: true });
  const step = (by: 1 | -1) => {
    const at = model.routes.indexOf(route as Route);
    const next = model.routes[Math.min(model.routes.length - 1, Math.max(0, at + by))];
    if (next) go({ model: next.name });
  };
  useKeys([
    { keys: "j", label: "keys.down", run: () => step(1) },
    { keys: "k", label: "keys.up", run: () => step(-1) },
  ]);
  if (model.error !== null)
    return (
      <Empty icon="warning" title={g("routes.notYaml")}>
        <p lang="en">{model.error.split("\n")[0]}</p>
        <Link to="/p/$project/gateway/config" params={{ project: project.id }}>
          {g("routes.openEditor")}
        </Link>
      </Empty>
    );
  if (!route)
    return (
      <Empty icon="route" title={g("routes.none")}>
        <p>{g("routes.noneText")}</p>
        <div className={gateway.code}>
          <CodeBlock code={FIRST_ROUTE} label={g("routes.example")} />
        </div>
        {mayChange && (
          <Button
            variant="primary"
            onClick={() => draft.edit(draft.text === "" ? `${FIRST_ROUTE}\n` : draft.text)}
            disabled={draft.text.trim() !== ""}
          >
            {g("routes.useExample")}
          </Button>
        )}
      </Empty>
    );
  const graph = withCanaryShares(layOut(route, room), route.name, status.data);
  const selected = graph.nodes.find((node) => node.id === search.node) ?? graph.nodes[0]!;
  return (
    <div className={css.panes}>
      <RouteList routes={model.routes} current={route.name} onOpen={(name) => go({ model: name })} />
      <SideSplit
        name="gateway-route"
        label={g("routes.resize")}
        initial={320}
        side={
          <Inspector
            key={`${route.name} ${selected.id}`}
            route={route}
            node={selected}
            draft={draft}
            providers={model.providers}
            status={status.data}
            mayChange={mayChange}
            onSelect={(id) => go({ model: route.name, node: id })}
          />
        }
      >
        {status.error && <ErrorPanel error={status.error} retry={() => void status.refetch()} />}
        <RouteGraph
          frame={frame}
          graph={graph}
          label={g("graph.label", { name: route.name })}
          selected={selected.id}
          statsOf={(node) => statsOfNode(node, route.name, status.data)}
          onSelect={(id) => go({ model: route.name, node: id })}
        />
        <p className={css.legend}>{g("graph.legend")}</p>
        <RouteCanaries route={route} />
      </SideSplit>
    </div>
  );
}

/** The width that a graph may take up, as panes are resized. */
function useRoom(): [RefObject<HTMLDivElement | null>, number] {
  const frame = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setRoom(element.clientWidth - PADDING));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [frame, room];
}

function RouteList(props: { routes: Route[]; current: string; onOpen: (name: string) => void }) {
  const { g } = useGateway();
  const status = useQuery(statusQuery);
  return (
    <nav className={css.list} aria-label={g("routes.list")}>
      {props.routes.map((route) => {
        const live = status.data?.routes.find((candidate) => candidate.name === route.name);
        const stats = live && status.data ? statsOfTraffic(live.traffic, status.data) : null;
        return (
          <button
            key={route.name}
            type="button"
            className={cx(css.entry, route.name === props.current && css.current)}
            aria-current={route.name === props.current ? "true" : undefined}
            onClick={() => props.onOpen(route.name)}
          >
            <span className={css.name}>{route.name}</span>
            <span className={css.live}>
              {stats ? g("unit.perMinute", { n: rateText(stats.perMinute) }) : g("routes.unsaved")}
              {stats && stats.errorRate > 0 && <span className={css.errors}>✕ {percent(stats.errorRate)}</span>}
            </span>
          </button>
        );
      })}
    </nav>
  );
}
