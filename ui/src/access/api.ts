/** Who is signed in, and the ways to become so. */
import { queryOptions } from "@tanstack/react-query";
import { call, get, rememberCsrf } from "../api/http.ts";
import type { Me } from "../api/types.ts";

export interface AuthState {
  setup_required: boolean;
  version: string;
}

export const authStateQuery = queryOptions({
  queryKey: ["auth-state"],
  queryFn: ({ signal }) => get<AuthState>("/api/v1/auth/state", {}, signal),
  staleTime: 60_000,
});

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async ({ signal }) => {
    const me = await get<Me>("/api/v1/me", {}, signal);
    rememberCsrf(me.csrf_token ?? "");
    return me;
  },
  staleTime: 300_000,
  retry: false,
});

async function entering(path: string, body: object): Promise<Me> {
  const me = await call<Me>("POST", path, { body });
  rememberCsrf(me.csrf_token ?? "");
  return me;
}

export const logIn = (body: { email: string; password: string }) => entering("/api/v1/auth/login", body);

export const setUp = (body: {
  token: string;
  email: string;
  name: string;
  password: string;
  organization_name?: string;
  project_name?: string;
}) => entering("/api/v1/auth/setup", body);

export const acceptInvite = (body: { token: string; name: string; password: string }) =>
  entering("/api/v1/auth/accept-invite", body);

export const logOut = () => call<void>("POST", "/api/v1/auth/logout");
