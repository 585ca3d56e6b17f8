/** The state of the trace page, as it stands in the URL. */

export const TABS = ["tree", "transcript"] as const;
export type TraceTab = (typeof TABS)[number];
export const DETAIL_VIEWS = ["content", "facts", "scores", "attributes", "events"] as const;
export type DetailView = (typeof DETAIL_VIEWS)[number];

export interface TraceSearch {
  span?: string;
  tab?: TraceTab;
  view?: DetailView;
  /** Search within the tree. */
  q?: string;
}

export function readTraceSearch(raw: Record<string, unknown>): TraceSearch {
  const search: TraceSearch = {};
  if (raw.span != null && raw.span !== "") search.span = String(raw.span);
  if (raw.tab === "transcript") search.tab = "transcript";
  if (DETAIL_VIEWS.includes(raw.view as DetailView) && raw.view !== "content") search.view = raw.view as DetailView;
  if (raw.q != null && raw.q !== "") search.q = String(raw.q);
  return search;
}
