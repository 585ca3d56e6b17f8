/** Scores: per name how many, the mean with its interval, the distribution; then the latest ones. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useProject } from "../access/project.tsx";
import { useLocale } from "../i18n/index.tsx";
import { ListBar, useListSearch } from "../traces/list-bar.tsx";
import { Badge, scoreText } from "../ui/marks.tsx";
import { PageHead } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import { Table } from "../ui/table.tsx";
import { scoresQuery, summaryQuery } from "./api.ts";
import { Distribution, MeanInterval } from "./distribution.tsx";
import css from "./screen.module.css";

export default function ScoresScreen() {
  const { t, fmt } = useLocale();
  const { project } = useProject();
  const { search, query, change } = useListSearch();
  const summary = useQuery(summaryQuery(project.id, query));
  const list = useInfiniteQuery(scoresQuery(project.id, query));
  return (
    <>
      <PageHead title={t("nav.scores")} lead={t("scores.lead")} />
      <ListBar search={search} change={change} searchable={false} />
      <div className={css.body}>
        {summary.error ? (
          <ErrorPanel error={summary.error} retry={() => void summary.refetch()} />
        ) : !summary.data ? (
          <Loading />
        ) : (
          summary.data.items.length > 0 && (
            <Table
              label={t("scores.byName")}
              rows={summary.data.items}
              rowKey={(row) => row.name + row.data_type}
              columns={[
                {
                  id: "name",
                  head: t("col.name"),
                  cell: (row) => (
                    <Link
                      to="/p/$project/traces"
                      params={{ project: project.id }}
                      search={{ ...search, q: undefined as never, f: [[`score.${row.name}`, "exists", true]] }}
                    >
                      {row.name}
                    </Link>
                  ),
                },
                { id: "type", head: t("score.type"), cell: (row) => t(`scoreType.${row.data_type}`) },
                { id: "n", head: "n", align: "end", cell: (row) => fmt.count(row.n) },
                { id: "mean", head: t("scores.mean"), cell: (row) => <MeanInterval row={row} /> },
                { id: "distribution", head: t("scores.distribution"), cell: (row) => <Distribution row={row} /> },
                {
                  id: "sources",
                  head: t("scores.sources"),
                  cell: (row) => (
                    <span className={css.sources}>
                      {row.sources.map(({ source, count }) => (
                        <Badge key={source}>
                          {t(`source.${source}`)} {fmt.count(count)}
                        </Badge>
                      ))}
                    </span>
                  ),
                },
              ]}
            />
          )
        )}
        <h2 className={css.head}>{t("scores.latest")}</h2>
        <PagedTable
          label={t("scores.latest")}
          list={list}
          rowKey={(score) => score.id}
          empty={{ icon: "scores", title: t("scores.none"), text: t("scores.noneText"), code: SNIPPET }}
          columns={[
            { id: "time", head: t("col.time"), cell: (score) => fmt.dateTime(score.created_at) },
            { id: "name", head: t("col.name"), cell: (score) => score.name },
            {
              id: "value",
              head: t("score.value"),
              clip: true,
              cell: (score) =>
                score.data_type === "text" || score.data_type === "correction" ? score.text : scoreText(score),
            },
            { id: "source", head: t("scores.source"), cell: (score) => <Badge>{t(`source.${score.source}`)}</Badge> },
            { id: "author", head: t("scores.author"), cell: (score) => score.author_name },
            { id: "why", head: t("score.explanation"), clip: true, cell: (score) => score.explanation },
            {
              id: "target",
              head: t("scores.target"),
              cell: (score) =>
                score.trace_id ? (
                  <Link
                    to="/p/$project/traces/$traceId"
                    params={{ project: project.id, traceId: score.trace_id }}
                    search={score.span_id ? { span: score.span_id, view: "scores" } : {}}
                  >
                    {t(score.span_id ? "scores.span" : "scores.trace")}
                  </Link>
                ) : (
                  <Link
                    to="/p/$project/sessions/$sessionId"
                    params={{ project: project.id, sessionId: score.session_id }}
                  >
                    {t("scores.session")}
                  </Link>
                ),
            },
          ]}
        />
      </div>
    </>
  );
}

const SNIPPET = `from kaname_sdk import score

score("helpful", 1.0, trace_id=trace_id)`;
