/** What the rules of a project's limits are read from and changed by. */
import { infiniteQueryOptions } from "@tanstack/react-query";
import { answer, answerAs, api } from "../api/http.ts";
import type { components } from "../api/schema.d.ts";
import type { Page } from "../api/types.ts";

type Schemas = components["schemas"];
/** What the server leaves out when it writes has a default when it reads: an answer has every field. */
export type Rule = Required<Schemas["RuleView"]>;
export type RuleDraft = Schemas["RuleBody"];

export const rulesQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ["gateway-rules", project],
    queryFn: ({ pageParam, signal }) =>
      answerAs<Page<Rule>>(
        api.GET("/api/v1/projects/{project_id}/gateway/rules", {
          params: { path: { project_id: project }, query: { cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
export const createRule = (project: string, body: RuleDraft) =>
  answer(api.POST("/api/v1/projects/{project_id}/gateway/rules", { params: { path: { project_id: project } }, body }));
export const replaceRule = (project: string, id: string, body: RuleDraft) =>
  answer(
    api.PUT("/api/v1/projects/{project_id}/gateway/rules/{rule_id}", {
      params: { path: { project_id: project, rule_id: id } },
      body,
    }),
  );
export const removeRule = (project: string, id: string) =>
  answer(
    api.DELETE("/api/v1/projects/{project_id}/gateway/rules/{rule_id}", {
      params: { path: { project_id: project, rule_id: id } },
    }),
  );
