/** Saved views: the state of the traces screen in the words of the API, both ways; and what the server keeps. */
import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "../api/http.ts";
import type { components } from "../api/schema.d.ts";
import { DEFAULT_RANGE, type Filter, type FilterValue, type TracesSearch } from "./url.ts";

export type SavedView = components["schemas"]["SavedViewView"];
export type ViewQuery = components["schemas"]["ViewQueryBody"];

/** The selected row is no part of a view. */
export function queryOfSearch(search: TracesSearch): ViewQuery {
  const fixed = search.from !== undefined || search.to !== undefined;
  return {
    q: search.q ?? "",
    filters: (search.f ?? []).map(([field, op, value]) => ({ field, op, value })),
    range: fixed ? null : (search.range ?? DEFAULT_RANGE),
    start: search.from ?? null,
    end: search.to ?? null,
    order: search.sort ?? "start_time",
    direction: search.dir ?? "desc",
    columns: search.cols?.split(",") ?? [],
  };
}

/** As the URL says it: what is usual is left out. */
export function searchOfQuery(query: ViewQuery): TracesSearch {
  const filters = (query.filters ?? []).map(({ field, op, value }): Filter => [field, op, value as FilterValue]);
  return {
    ...(query.q && { q: query.q }),
    ...(filters.length > 0 && { f: filters }),
    ...(query.range && query.range !== DEFAULT_RANGE && { range: query.range }),
    ...(query.start && { from: query.start }),
    ...(query.end && { to: query.end }),
    ...(query.order && query.order !== "start_time" && { sort: query.order }),
    ...(query.direction === "asc" && { dir: "asc" as const }),
    ...(query.columns && query.columns.length > 0 && { cols: query.columns.join(",") }),
  };
}

/** Whether two states ask for the same. */
export const sameQuery = (a: ViewQuery, b: ViewQuery): boolean =>
  JSON.stringify(searchOfQuery(a)) === JSON.stringify(searchOfQuery(b));

const MOST_PAGES = 10;

/** All views that the reader sees, by name; the server hands them out in windows. */
export const viewsQuery = (project: string) =>
  queryOptions({
    queryKey: ["views", project],
    queryFn: async ({ signal }) => {
      const views: SavedView[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MOST_PAGES; page++) {
        const { items, next_cursor } = await answer(
          api.GET("/api/v1/projects/{project_id}/views", {
            params: { path: { project_id: project }, query: { limit: 200, cursor } },
            signal,
          }),
        );
        views.push(...items);
        if (!next_cursor) break;
        cursor = next_cursor;
      }
      return views.sort((a, b) => a.name.localeCompare(b.name));
    },
  });

export const createView = (project: string, body: { name: string; is_shared: boolean; query: ViewQuery }) =>
  answer(api.POST("/api/v1/projects/{project_id}/views", { params: { path: { project_id: project } }, body }));

export const updateView = (
  project: string,
  id: string,
  body: { name?: string; is_shared?: boolean; query?: ViewQuery },
) =>
  answer(
    api.PATCH("/api/v1/projects/{project_id}/views/{view_id}", {
      params: { path: { project_id: project, view_id: id } },
      body,
    }),
  );

export const deleteView = (project: string, id: string) =>
  answer(
    api.DELETE("/api/v1/projects/{project_id}/views/{view_id}", {
      params: { path: { project_id: project, view_id: id } },
    }),
  );
