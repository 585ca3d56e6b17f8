/** What the gateway's screens read and change: configuration, status, secrets. Limits are in `limits-api.ts`. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "../api/http.ts";
import type { components } from "../api/schema.d.ts";

type Schemas = components["schemas"];
export type ConfigView = Schemas["ConfigView"];
export type ConfigProblem = Schemas["ConfigProblem"];
export type ConfigVersion = Schemas["ConfigVersionView"];
export type Secret = Schemas["SecretView"];

/** Live numbers are fetched this often, and only while the tab is seen (the query client pauses hidden tabs). */
export const LIVE_MS = 3000;

export const configQuery = queryOptions({
  queryKey: ["gateway-config"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/gateway/config", { signal })),
  refetchInterval: 15_000,
});

export const validationQuery = (text: string) =>
  queryOptions({
    queryKey: ["gateway-validation", text],
    queryFn: ({ signal }) => answer(api.POST("/api/v1/gateway/config/validate", { body: { text }, signal })),
    gcTime: 10_000,
    staleTime: 10_000,
  });

export const saveConfig = (text: string, message: string, expected: string) =>
  answer(api.POST("/api/v1/gateway/config/versions", { body: { text, message, expected_version: expected } }));

export const versionsQuery = infiniteQueryOptions({
  queryKey: ["gateway-config-versions"],
  queryFn: ({ pageParam, signal }) =>
    answer(api.GET("/api/v1/gateway/config/versions", { params: { query: { cursor: pageParam } }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const versionQuery = (id: string) =>
  queryOptions({
    queryKey: ["gateway-config-version", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/gateway/config/versions/{version_id}", { params: { path: { version_id: id } }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const restoreVersion = (id: string, message: string, expected: string) =>
  answer(
    api.POST("/api/v1/gateway/config/versions/{version_id}/restore", {
      params: { path: { version_id: id } },
      body: { message, expected_version: expected },
    }),
  );

export const secretsQuery = queryOptions({
  queryKey: ["gateway-secrets"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/gateway/secrets", { signal })),
});
export const setSecret = (name: string, value: string) =>
  answer(api.POST("/api/v1/gateway/secrets", { body: { name, value } }));
export const removeSecret = (name: string, force: boolean) =>
  answer(api.DELETE("/api/v1/gateway/secrets/{name}", { params: { path: { name }, query: { force } } }));

export type GatewayStatus = Schemas["GatewayStatusView"];
export type TargetStatus = Schemas["TargetView"];
export type ProviderStatus = Schemas["ProviderView"];
export type Traffic = Schemas["TrafficView"];

/** In memory at the server and bounded by the configuration. Not fetched while the tab is hidden. */
export const statusQuery = queryOptions({
  queryKey: ["gateway-status"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/gateway/status", { signal })),
  refetchInterval: LIVE_MS,
  refetchIntervalInBackground: false,
  staleTime: 0,
});

export type PlanExplanation = Schemas["PlanExplanation"];
export type PlannedTarget = Schemas["TargetResult"];

/** Which way a request would go, without calling anybody. `text`: under this configuration instead of the one in force. */
export const planQuery = (project: string, request: Record<string, unknown>, text: string | null) =>
  queryOptions({
    queryKey: ["gateway-plan", project, request, text],
    queryFn: ({ signal }) =>
      answer(
        api.POST("/api/v1/projects/{project_id}/gateway/plan", {
          params: { path: { project_id: project } },
          body: { request, text },
          signal,
        }),
      ),
    retry: false,
    gcTime: 10_000,
    refetchInterval: 10_000,
  });
