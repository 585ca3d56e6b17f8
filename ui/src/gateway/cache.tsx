/** Cache: how many answers were given again, and what that saved; how to turn it on where it is off. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { CodeBlock } from "../ui/copy.tsx";
import { PageBody, PageHead } from "../ui/page.tsx";
import { Empty, ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { type GatewayStatus, statusQuery } from "./api.ts";
import css from "./cache.module.css";
import gateway from "./gateway.module.css";
import { percent } from "./numbers.ts";
import { CountedSince } from "./processes.tsx";
import { useGateway } from "./text/index.ts";

const FIRST_CACHE = `models:
  support-bot:
    use: openai/gpt-4o-mini
    cache: {exact: 1h, semantic: {threshold: 0.95, ttl: 1h}}`;

export default function CacheScreen() {
  const { g } = useGateway();
  const { project } = useProject();
  const status = useQuery(statusQuery);
  const cache = status.data?.cache;
  return (
    <>
      <PageHead title={g("cache.title")} lead={g("cache.lead")}>
        {status.data && cache && <CountedSince status={status.data} />}
      </PageHead>
      <PageBody>
        {status.error && <ErrorPanel error={status.error} retry={() => void status.refetch()} />}
        {status.isPending && <Loading />}
        {status.data && !cache && (
          <Empty icon="refresh" title={g("cache.none")}>
            <p>{g("cache.noneText")}</p>
            <div className={gateway.code}>
              <CodeBlock code={FIRST_CACHE} label={g("cache.example")} />
            </div>
            <Link to="/p/$project/gateway/config" params={{ project: project.id }}>
              {g("routes.openEditor")}
            </Link>
          </Empty>
        )}
        {cache && <Totals cache={cache} />}
      </PageBody>
    </>
  );
}

type Cache = NonNullable<GatewayStatus["cache"]>;
type RouteCache = Cache["routes"][number];

const sumOf = (rows: RouteCache[], field: "hits" | "semantic_hits" | "misses" | "bypassed"): number =>
  rows.reduce((sum, row) => sum + row[field], 0);

function Totals({ cache: { routes, entries, bytes, problem } }: { cache: Cache }) {
  const { g, fmt } = useGateway();
  const cache = {
    hits: sumOf(routes, "hits"),
    semantic_hits: sumOf(routes, "semantic_hits"),
    misses: sumOf(routes, "misses"),
    bypassed: sumOf(routes, "bypassed"),
    saved_usd: routes.reduce((sum, row) => sum + Number(row.saved_usd), 0),
    entries,
    bytes,
  };
  const hits = cache.hits + cache.semantic_hits;
  const looked = hits + cache.misses;
  const share = (n: number) => (looked > 0 ? percent(n / looked) : "–");
  return (
    <section className={css.totals}>
      <div className={css.figures}>
        <Figure name={g("cache.hitRate")} value={share(hits)} note={g("cache.ofCalls", { n: looked })} />
        <Figure name={g("cache.saved")} value={fmt.cost(cache.saved_usd)} note={g("cache.savedText")} />
        <Figure name={g("cache.entries")} value={fmt.count(cache.entries)} note={fmt.bytes(cache.bytes)} />
      </div>
      <div
        className={css.bar}
        role="img"
        aria-label={`${g("cache.exact")} ${share(cache.hits)}, ${g("cache.semantic")} ${share(cache.semantic_hits)}, ${g("cache.misses")} ${share(cache.misses)}`}
      >
        <span data-part="exact" style={{ flexGrow: cache.hits }} />
        <span data-part="semantic" style={{ flexGrow: cache.semantic_hits }} />
        <span data-part="miss" style={{ flexGrow: cache.misses }} />
      </div>
      <dl className={css.parts}>
        <Part part="exact" name={g("cache.exact")} n={cache.hits} share={share(cache.hits)} />
        <Part part="semantic" name={g("cache.semantic")} n={cache.semantic_hits} share={share(cache.semantic_hits)} />
        <Part part="miss" name={g("cache.misses")} n={cache.misses} share={share(cache.misses)} />
        <Part part="bypass" name={g("cache.bypassed")} n={cache.bypassed} share="" />
      </dl>
      {problem && (
        <p className={css.problem} lang="en">
          {problem}
        </p>
      )}
      <PerRoute routes={routes} />
    </section>
  );
}

function PerRoute({ routes }: { routes: RouteCache[] }) {
  const { g, fmt } = useGateway();
  const rate = (row: RouteCache) => {
    const looked = row.hits + row.semantic_hits + row.misses;
    return looked > 0 ? percent((row.hits + row.semantic_hits) / looked) : "–";
  };
  return (
    <Table
      label={g("cache.perRoute")}
      rows={routes}
      rowKey={(row) => row.route}
      columns={[
        { id: "route", head: g("routes.name"), cell: (row) => <strong>{row.route}</strong> },
        { id: "rate", head: g("cache.hitRate"), align: "end", cell: rate },
        { id: "exact", head: g("cache.exact"), align: "end", cell: (row) => fmt.count(row.hits) },
        { id: "semantic", head: g("cache.semantic"), align: "end", cell: (row) => fmt.count(row.semantic_hits) },
        { id: "misses", head: g("cache.misses"), align: "end", cell: (row) => fmt.count(row.misses) },
        { id: "stored", head: g("cache.stored"), align: "end", cell: (row) => fmt.count(row.stored) },
        { id: "saved", head: g("cache.saved"), align: "end", cell: (row) => fmt.cost(row.saved_usd) },
      ]}
    />
  );
}

function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div>
      <div className={css.name}>{name}</div>
      <div className={css.value}>{value}</div>
      <div className={css.quiet}>{note}</div>
    </div>
  );
}

function Part({ part, name, n, share }: { part: string; name: string; n: number; share: string }) {
  const { fmt } = useGateway();
  return (
    <div>
      <dt>
        <span className={css.swatch} data-part={part} aria-hidden="true" /> {name}
      </dt>
      <dd>
        {fmt.count(n)} <span className={css.quiet}>{share}</span>
      </dd>
    </div>
  );
}
