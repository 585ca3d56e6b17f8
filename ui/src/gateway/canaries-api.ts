/** What the Routes screen reads of canaries, and what people do with them. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "../api/http.ts";
import type { components } from "../api/schema.d.ts";
import { LIVE_MS } from "./api.ts";

type Schemas = components["schemas"];
export type Canary = Schemas["CanaryView"];
export type CanaryGuard = Schemas["CanaryGuardView"];
export type CanaryFinding = Schemas["CanaryFinding"];
export type CanaryChange = Schemas["CanaryChangeView"];
export type CanaryAct = "promote" | "finish" | "rollback" | "restart";

export const canariesQuery = queryOptions({
  queryKey: ["gateway-canaries"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/gateway/canaries", { signal })),
  refetchInterval: LIVE_MS,
  refetchIntervalInBackground: false,
  staleTime: 0,
});

const CHANGES = 20;

/** `revision`: whatever changes when the history does, so that it is read anew then. */
export const canaryChangesQuery = (id: string, revision: string) =>
  infiniteQueryOptions({
    queryKey: ["gateway-canary-changes", id, revision],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/gateway/canaries/{canary_id}/changes", {
          params: { path: { canary_id: id }, query: { cursor: pageParam, limit: CHANGES } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

export function actOnCanary(id: string, act: CanaryAct, message: string): Promise<Canary> {
  const params = { path: { canary_id: id } };
  switch (act) {
    case "rollback":
      return answer(api.POST("/api/v1/gateway/canaries/{canary_id}/rollback", { params, body: { message } }));
    case "restart":
      return answer(api.POST("/api/v1/gateway/canaries/{canary_id}/restart", { params, body: { message } }));
    default:
      return answer(
        api.POST("/api/v1/gateway/canaries/{canary_id}/promote", {
          params,
          body: { message, fully: act === "finish" },
        }),
      );
  }
}
