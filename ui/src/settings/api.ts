/** What the settings screens read and change. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { ApiError, answer, answerAs, api } from "../api/http.ts";
import type { AuditEntry, IngestNotice, Page, Price, Role } from "../api/types.ts";

const ofProject = (project: string) => ({ project_id: project });
const ofOrganization = (organization: string) => ({ organization_id: organization });

/** How every cursor-paged list goes on. */
const PAGES = {
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page: { next_cursor?: string | null }) => page.next_cursor ?? undefined,
};

export const keysQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ["keys", project],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/keys", {
          params: { path: ofProject(project), query: { cursor: pageParam } },
          signal,
        }),
      ),
    ...PAGES,
  });
export const renameKey = (project: string, id: string, name: string) =>
  answer(
    api.PATCH("/api/v1/projects/{project_id}/keys/{key_id}", {
      params: { path: { ...ofProject(project), key_id: id } },
      body: { name },
    }),
  );
export const createKey = (project: string, body: { name: string; scopes?: string[]; expires_at?: string }) =>
  answer(api.POST("/api/v1/projects/{project_id}/keys", { params: { path: ofProject(project) }, body }));
export const revokeKey = (project: string, id: string) =>
  answer(
    api.DELETE("/api/v1/projects/{project_id}/keys/{key_id}", {
      params: { path: { ...ofProject(project), key_id: id } },
    }),
  );

export const tokensQuery = infiniteQueryOptions({
  queryKey: ["tokens"],
  queryFn: ({ pageParam, signal }) =>
    answer(api.GET("/api/v1/me/tokens", { params: { query: { cursor: pageParam } }, signal })),
  ...PAGES,
});
export const renameToken = (id: string, name: string) =>
  answer(api.PATCH("/api/v1/me/tokens/{token_id}", { params: { path: { token_id: id } }, body: { name } }));
export const createToken = (body: { name: string; expires_at?: string }) =>
  answer(api.POST("/api/v1/me/tokens", { body }));
export const removeToken = (id: string) =>
  answer(api.DELETE("/api/v1/me/tokens/{token_id}", { params: { path: { token_id: id } } }));
export const updateMe = (body: { name?: string; password?: string; current_password?: string }) =>
  answer(api.PATCH("/api/v1/me", { body }));

export const membersQuery = (organization: string) =>
  infiniteQueryOptions({
    queryKey: ["members", organization],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organization_id}/users", {
          params: { path: ofOrganization(organization), query: { cursor: pageParam } },
          signal,
        }),
      ),
    ...PAGES,
  });
export const invitesQuery = (organization: string) =>
  infiniteQueryOptions({
    queryKey: ["invites", organization],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organization_id}/invites", {
          params: { path: ofOrganization(organization), query: { cursor: pageParam } },
          signal,
        }),
      ),
    ...PAGES,
  });
export const inviteMember = (organization: string, body: { email: string; role: Role }) =>
  answer(
    api.POST("/api/v1/organizations/{organization_id}/users", { params: { path: ofOrganization(organization) }, body }),
  );
export const cancelInvite = (organization: string, id: string) =>
  answer(
    api.DELETE("/api/v1/organizations/{organization_id}/invites/{invite_id}", {
      params: { path: { ...ofOrganization(organization), invite_id: id } },
    }),
  );
export const changeRole = (organization: string, user: string, role: Role) =>
  answer(
    api.PATCH("/api/v1/organizations/{organization_id}/users/{user_id}", {
      params: { path: { ...ofOrganization(organization), user_id: user } },
      body: { role },
    }),
  );
export const removeMember = (organization: string, user: string) =>
  answer(
    api.DELETE("/api/v1/organizations/{organization_id}/users/{user_id}", {
      params: { path: { ...ofOrganization(organization), user_id: user } },
    }),
  );
/** `null`: the organization's role holds again. */
export const setProjectRole = (organization: string, user: string, project: string, role: Role | null) => {
  const params = { path: { ...ofOrganization(organization), ...ofProject(project), user_id: user } };
  const path = "/api/v1/organizations/{organization_id}/projects/{project_id}/roles/{user_id}";
  return role === null ? answer(api.DELETE(path, { params })) : answer(api.PUT(path, { params, body: { role } }));
};

export const projectsQuery = (organization: string) =>
  infiniteQueryOptions({
    queryKey: ["projects", organization],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organization_id}/projects", {
          params: { path: ofOrganization(organization), query: { cursor: pageParam } },
          signal,
        }),
      ),
    ...PAGES,
  });
export const projectContentsQuery = (organization: string, project: string) =>
  queryOptions({
    queryKey: ["project-contents", project],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organization_id}/projects/{project_id}/contents", {
          params: { path: { ...ofOrganization(organization), ...ofProject(project) } },
          signal,
        }),
      ),
    staleTime: 0,
    gcTime: 0,
  });
export const renameProject = (organization: string, project: string, name: string) =>
  answer(
    api.PATCH("/api/v1/organizations/{organization_id}/projects/{project_id}", {
      params: { path: { ...ofOrganization(organization), ...ofProject(project) } },
      body: { name },
    }),
  );
export const deleteProject = (organization: string, project: string) =>
  answer(
    api.DELETE("/api/v1/organizations/{organization_id}/projects/{project_id}", {
      params: { path: { ...ofOrganization(organization), ...ofProject(project) } },
    }),
  );
export const createProject = (organization: string, name: string) =>
  answer(
    api.POST("/api/v1/organizations/{organization_id}/projects", {
      params: { path: ofOrganization(organization) },
      body: { name },
    }),
  );

export const auditQuery = (organization: string, filter: { action?: string; actor?: string }) =>
  infiniteQueryOptions({
    queryKey: ["audit", organization, filter],
    queryFn: ({ pageParam, signal }) =>
      answerAs<Page<AuditEntry>>(
        api.GET("/api/v1/organizations/{organization_id}/audit", {
          params: { path: ofOrganization(organization), query: { ...filter, cursor: pageParam } },
          signal,
        }),
      ),
    ...PAGES,
  });
export const verifyAudit = (organization: string) =>
  answer(
    api.GET("/api/v1/organizations/{organization_id}/audit/verify", { params: { path: ofOrganization(organization) } }),
  );

export const pricesQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ["prices", project],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/prices", {
          params: { path: ofProject(project), query: { cursor: pageParam } },
          signal,
        }),
      ),
    ...PAGES,
  });
export type PriceDraft = Pick<Price, "provider" | "match" | "pattern" | "priority" | "valid_from" | "prices" | "tiers">;
export const createPrice = (project: string, body: PriceDraft) =>
  answer(api.POST("/api/v1/projects/{project_id}/prices", { params: { path: ofProject(project) }, body }));
export const updatePrice = (project: string, id: string, body: PriceDraft) =>
  answer(
    api.PATCH("/api/v1/projects/{project_id}/prices/{price_id}", {
      params: { path: { ...ofProject(project), price_id: id } },
      body,
    }),
  );
export const deletePrice = (project: string, id: string) =>
  answer(
    api.DELETE("/api/v1/projects/{project_id}/prices/{price_id}", {
      params: { path: { ...ofProject(project), price_id: id } },
    }),
  );
export const snapshotQuery = (q: string) =>
  infiniteQueryOptions({
    queryKey: ["price-snapshot", q],
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/v1/prices/snapshot", { params: { query: { q, limit: 100, cursor: pageParam } }, signal })),
    ...PAGES,
    staleTime: 600_000,
  });

export const noticesQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ["notices", project],
    queryFn: ({ pageParam, signal }) =>
      answerAs<Page<IngestNotice>>(
        api.GET("/api/v1/projects/{project_id}/ingest/notices", {
          params: { path: ofProject(project), query: { cursor: pageParam } },
          signal,
        }),
      ),
    ...PAGES,
  });

const WATCH_MS = 3000;
/** A reader who may not look is told so once, and not every three seconds. */
const watch = (query: { state: { error: Error | null } }) => {
  const { error } = query.state;
  return error instanceof ApiError && error.problem.status === 403 ? false : WATCH_MS;
};
export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/system/status", { signal })),
  refetchInterval: watch,
});
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/models", { signal })),
  refetchInterval: watch,
});
