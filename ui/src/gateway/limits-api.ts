/** What the keys screen reads and changes: policies, budgets, usage, alerts. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, answerAs, api } from "../api/http.ts";
import type { components } from "../api/schema.d.ts";

type Schemas = components["schemas"];
/** What the server leaves out when it writes has a default when it reads: an answer has every field. */
export type Policy = Required<Schemas["PolicyView"]>;
export type PolicyDraft = Schemas["PolicyBody"];
export type Budget = Schemas["BudgetView"];
export type BudgetDraft = Schemas["BudgetBody"];
export type BudgetChange = Schemas["UpdateBudgetBody"];
export type UsageDay = Schemas["UsageView"];

const ofProject = (project: string) => ({ project_id: project });
const MOST_PAGES = 4;
const PAGE = 500;

export const policiesQuery = (project: string) =>
  queryOptions({
    queryKey: ["gateway-policies", project],
    queryFn: ({ signal }) =>
      answerAs<{ items: Policy[] }>(
        api.GET("/api/v1/projects/{project_id}/gateway/keys/policies", {
          params: { path: ofProject(project) },
          signal,
        }),
      ),
  });
export const policyQuery = (project: string, key: string) =>
  queryOptions({
    queryKey: ["gateway-policies", project, key],
    queryFn: ({ signal }) =>
      answerAs<Policy>(
        api.GET("/api/v1/projects/{project_id}/gateway/keys/{key_id}/policy", {
          params: { path: { ...ofProject(project), key_id: key } },
          signal,
        }),
      ),
  });
export const setPolicy = (project: string, key: string, body: PolicyDraft) =>
  answer(
    api.PUT("/api/v1/projects/{project_id}/gateway/keys/{key_id}/policy", {
      params: { path: { ...ofProject(project), key_id: key } },
      body,
    }),
  );
export const removePolicy = (project: string, key: string) =>
  answer(
    api.DELETE("/api/v1/projects/{project_id}/gateway/keys/{key_id}/policy", {
      params: { path: { ...ofProject(project), key_id: key } },
    }),
  );

/** Spend moves while the screen is open. */
export const budgetsQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ["gateway-budgets", project],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/gateway/budgets", {
          params: { path: ofProject(project), query: { cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 10_000,
  });
export const createBudget = (project: string, body: BudgetDraft) =>
  answer(api.POST("/api/v1/projects/{project_id}/gateway/budgets", { params: { path: ofProject(project) }, body }));
export const updateBudget = (project: string, id: string, body: BudgetChange) =>
  answer(
    api.PATCH("/api/v1/projects/{project_id}/gateway/budgets/{budget_id}", {
      params: { path: { ...ofProject(project), budget_id: id } },
      body,
    }),
  );
export const removeBudget = (project: string, id: string) =>
  answer(
    api.DELETE("/api/v1/projects/{project_id}/gateway/budgets/{budget_id}", {
      params: { path: { ...ofProject(project), budget_id: id } },
    }),
  );

/** Days of all keys since a day, bounded: `truncated` says that there is more. */
export const usageQuery = (project: string, since: string) =>
  queryOptions({
    queryKey: ["gateway-usage", project, since],
    queryFn: async ({ signal }) => {
      const items: UsageDay[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MOST_PAGES; page++) {
        const part = await answer(
          api.GET("/api/v1/projects/{project_id}/gateway/usage", {
            params: { path: ofProject(project), query: { since, cursor, limit: PAGE } },
            signal,
          }),
        );
        items.push(...part.items);
        cursor = part.next_cursor ?? undefined;
        if (cursor === undefined) break;
      }
      return { items, truncated: cursor !== undefined };
    },
    refetchInterval: 30_000,
  });

export const alertsQuery = (project: string) =>
  queryOptions({
    queryKey: ["gateway-alerts", project],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/gateway/alerts", {
          params: { path: ofProject(project), query: { limit: 20 } },
          signal,
        }),
      ),
  });
