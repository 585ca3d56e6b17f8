/** Who is signed in, and the ways to become so. */
import { queryOptions } from "@tanstack/react-query";
import { answer, api, rememberCsrf } from "../api/http.ts";
import type { Me } from "../api/types.ts";

export const authStateQuery = queryOptions({
  queryKey: ["auth-state"],
  queryFn: ({ signal }) => answer(api.GET("/api/v1/auth/state", { signal })),
  staleTime: 60_000,
});

async function entering(call: Promise<{ data?: Me }>): Promise<Me> {
  const me = await answer(call);
  rememberCsrf(me.csrf_token);
  return me;
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => entering(api.GET("/api/v1/me", { signal })),
  staleTime: 300_000,
  retry: false,
});

export const logIn = (body: { email: string; password: string }) => entering(api.POST("/api/v1/auth/login", { body }));

export const setUp = (body: {
  token: string;
  email: string;
  name: string;
  password: string;
  organization_name: string;
  project_name: string;
}) => entering(api.POST("/api/v1/auth/setup", { body }));

export const acceptInvite = (body: { token: string; name: string; password: string }) =>
  entering(api.POST("/api/v1/auth/accept-invite", { body }));

export const logOut = () => answer(api.POST("/api/v1/auth/logout"));
