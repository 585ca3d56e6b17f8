/** What the settings screens read and change. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, get, projectPath } from "../api/http.ts";
import type {
  ApiKey,
  AuditEntry,
  AuditVerdict,
  CreatedInvite,
  CreatedKey,
  CreatedToken,
  IngestNotice,
  Invite,
  LocalModel,
  Member,
  Page,
  PersonalToken,
  Price,
  SnapshotPrice,
  SystemStatus,
} from "../api/types.ts";

const organizationPath = (organization: string, rest: string): string =>
  `/api/v1/organizations/${encodeURIComponent(organization)}/${rest}`;

export const keysQuery = (project: string) =>
  queryOptions({
    queryKey: ["keys", project],
    queryFn: ({ signal }) => get<Page<ApiKey>>(projectPath(project, "keys"), {}, signal),
  });

export interface NewKey {
  name: string;
  scopes?: string[];
  expires_at?: string;
}
export const createKey = (project: string, body: NewKey) =>
  call<CreatedKey>("POST", projectPath(project, "keys"), { body });
export const revokeKey = (project: string, id: string) => call<void>("DELETE", projectPath(project, `keys/${id}`));

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => get<Page<PersonalToken>>("/api/v1/me/tokens", {}, signal),
});
export const createToken = (body: { name: string; expires_at?: string }) =>
  call<CreatedToken>("POST", "/api/v1/me/tokens", { body });
export const removeToken = (id: string) => call<void>("DELETE", `/api/v1/me/tokens/${id}`);
export const updateMe = (body: { name?: string; password?: string; current_password?: string }) =>
  call<unknown>("PATCH", "/api/v1/me", { body });

export const membersQuery = (organization: string) =>
  queryOptions({
    queryKey: ["members", organization],
    queryFn: ({ signal }) => get<Page<Member>>(organizationPath(organization, "users"), {}, signal),
  });
export const invitesQuery = (organization: string) =>
  queryOptions({
    queryKey: ["invites", organization],
    queryFn: ({ signal }) => get<Page<Invite>>(organizationPath(organization, "invites"), {}, signal),
  });
export const inviteMember = (organization: string, body: { email: string; role: string }) =>
  call<CreatedInvite>("POST", organizationPath(organization, "users"), { body });
export const cancelInvite = (organization: string, id: string) =>
  call<void>("DELETE", organizationPath(organization, `invites/${id}`));
export const changeRole = (organization: string, user: string, role: string) =>
  call<void>("PATCH", organizationPath(organization, `users/${user}`), { body: { role } });
export const removeMember = (organization: string, user: string) =>
  call<void>("DELETE", organizationPath(organization, `users/${user}`));
export const createProject = (organization: string, name: string) =>
  call<{ id: string; name: string }>("POST", organizationPath(organization, "projects"), { body: { name } });

export const auditQuery = (organization: string, filter: { action?: string; actor?: string }) =>
  infiniteQueryOptions({
    queryKey: ["audit", organization, filter],
    queryFn: ({ pageParam, signal }) =>
      get<Page<AuditEntry>>(organizationPath(organization, "audit"), { ...filter, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });
export const verifyAudit = (organization: string) => get<AuditVerdict>(organizationPath(organization, "audit/verify"));

export const pricesQuery = (project: string) =>
  queryOptions({
    queryKey: ["prices", project],
    queryFn: ({ signal }) => get<Page<Price>>(projectPath(project, "prices"), {}, signal),
  });
export type NewPrice = Pick<Price, "provider" | "match" | "pattern" | "usd_per_million">;
export const createPrice = (project: string, body: NewPrice) =>
  call<Price>("POST", projectPath(project, "prices"), { body });
export const deletePrice = (project: string, id: string) => call<void>("DELETE", projectPath(project, `prices/${id}`));
export const snapshotQuery = (q: string) =>
  queryOptions({
    queryKey: ["price-snapshot", q],
    queryFn: ({ signal }) => get<Page<SnapshotPrice>>("/api/v1/prices/snapshot", { q }, signal),
    staleTime: 600_000,
  });

export const noticesQuery = (project: string) =>
  infiniteQueryOptions({
    queryKey: ["notices", project],
    queryFn: ({ pageParam, signal }) =>
      get<Page<IngestNotice>>(projectPath(project, "ingest/notices"), { cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  });

const WATCH_MS = 3000;
export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => get<SystemStatus>("/api/v1/system/status", {}, signal),
  refetchInterval: WATCH_MS,
});
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: ({ signal }) => get<Page<LocalModel>>("/api/v1/models", {}, signal),
  refetchInterval: WATCH_MS,
});
