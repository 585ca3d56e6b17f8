/** The latest calls through the gateway that failed, each with its trace. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { answer, api } from "../api/http.ts";
import { ERRORS, type Filter } from "../traces/url.ts";
import { ErrorPanel } from "../ui/state.tsx";
import css from "./budgets.module.css";
import gateway from "./gateway.module.css";
import { useGateway } from "./text/index.ts";

const SHOWN = 8;
const FAILED_CALLS: Filter[] = [ERRORS, ["service_name", "in", ["kaname-gateway"]]];

export function LastErrors() {
  const { g, fmt } = useGateway();
  const { project, can } = useProject();
  const filter = JSON.stringify(FAILED_CALLS.map(([field, op, value]) => ({ field, op, value })));
  const errors = useQuery({
    queryKey: ["gateway-errors", project.id],
    enabled: can("traces:read"),
    refetchInterval: 15_000,
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/spans", {
          params: { path: { project_id: project.id }, query: { limit: SHOWN, filter } },
          signal,
        }),
      ),
  });
  if (!can("traces:read")) return null;
  return (
    <section className={gateway.section} aria-labelledby="gateway-errors">
      <div className={gateway.sectionHead}>
        <h2 id="gateway-errors">{g("errors.title")}</h2>
        <Link to="/p/$project/traces" params={{ project: project.id }} search={{ f: FAILED_CALLS, range: "24h" }}>
          {g("errors.all")}
        </Link>
      </div>
      {errors.error && <ErrorPanel error={errors.error} retry={() => void errors.refetch()} />}
      {errors.data?.items.length === 0 && <p>{g("errors.none")}</p>}
      {errors.data && errors.data.items.length > 0 && (
        <ul className={css.list}>
          {errors.data.items.map((span) => (
            <li key={span.span_id} className={css.alert}>
              <time dateTime={span.start_time}>{fmt.moment(span.start_time)}</time>
              <Link
                to="/p/$project/traces/$traceId"
                params={{ project: project.id, traceId: span.trace_id }}
                search={{ span: span.span_id }}
              >
                {span.name}
              </Link>
              <span className={css.quiet}>
                {[span.provider, span.model].filter(Boolean).join("/")} · {fmt.duration(span.duration_ms)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
