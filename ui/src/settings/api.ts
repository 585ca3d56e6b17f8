/** What the settings screens read and change. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, answerAs, api } from "../api/http.ts";
import type { AuditEntry, IngestNotice, Page, Price, Role } from "../api/types.ts";

const ofProject = (project: string) => ({ project_id: project });
const ofOrganization = (organization: string) => ({ organization_id: organization });

export const keysQuery = (project: string) =>
  queryOptions({
    queryKey: ["keys", project],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/projects/{project_id}/keys", { params: { path: ofProject(project) }, signal })),
  });
export const createKey = (project: string, body: { name: string; scopes?: string[]; expires_at?: string }) =>
  answer(api.POST("/api/v1/projects/{project_id}/keys", { params: { path: ofProject(project) }, body }));
export const revokeKey = (project: string, id: string) =>
  answer(
    api.DELETE("/api/v1/projects/{project_id}/keys/{key_id}", {
      params: { path: { ...ofProject(project), key_id: id } },
    }),
  );

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/me/tokens", { signal })),
});
export const createToken = (body: { name: string; expires_at?: string }) =>
  answer(api.POST("/api/v1/me/tokens", { body }));
export const removeToken = (id: string) =>
  answer(api.DELETE("/api/v1/me/tokens/{token_id}", { params: { path: { token_id: id } } }));
export const updateMe = (body: { name?: string; password?: string; current_password?: string }) =>
  answer(api.PATCH("/api/v1/me", { body }));

export const membersQuery = (organization: string) =>
  queryOptions({
    queryKey: ["members", organization],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organization_id}/users", {
          params: { path: ofOrganization(organization) },
          signal,
        }),
      ),
  });
export const invitesQuery = (organization: string) =>
  queryOptions({
    queryKey: ["invites", organization],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organization_id}/invites", {
          params: { path: ofOrganization(organization) },
          signal,
        }),
      ),
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
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
export const verifyAudit = (organization: string) =>
  answer(
    api.GET("/api/v1/organizations/{organization_id}/audit/verify", { params: { path: ofOrganization(organization) } }),
  );

export const pricesQuery = (project: string) =>
  queryOptions({
    queryKey: ["prices", project],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/projects/{project_id}/prices", { params: { path: ofProject(project) }, signal })),
  });
export type NewPrice = Pick<Price, "provider" | "match" | "pattern" | "prices">;
export const createPrice = (project: string, body: NewPrice) =>
  answer(
    api.POST("/api/v1/projects/{project_id}/prices", {
      params: { path: ofProject(project) },
      body: { ...body, priority: 0, tiers: [] },
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
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
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
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

const WATCH_MS = 3000;
export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/system/status", { signal })),
  refetchInterval: WATCH_MS,
});
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/models", { signal })),
  refetchInterval: WATCH_MS,
});
