/** Every address of the UI. Screens load on demand, one chunk a screen. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { authStateQuery, meQuery } from "./access/api.ts";
import { findProject, firstProject } from "./access/project.tsx";
import { ApiError } from "./api/http.ts";
import { NoProject, NotFound, ScreenError } from "./shell/outside.tsx";
import { Shell } from "./shell/shell.tsx";
import { readTraceSearch } from "./trace/url.ts";
import { readTracesSearch } from "./traces/url.ts";
import { Loading } from "./ui/state.tsx";

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: ScreenError,
});

const string = (raw: Record<string, unknown>, ...names: string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => (raw[name] != null && raw[name] !== "" ? [[name, String(raw[name])]] : [])),
  );

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (raw): { next?: string } => string(raw, "next"),
  component: lazyRouteComponent(() => import("./access/login.tsx")),
});
const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  validateSearch: (raw): { token?: string } => string(raw, "token"),
  component: lazyRouteComponent(() => import("./access/setup.tsx"), "Setup"),
});
const invite = createRoute({
  getParentRoute: () => root,
  path: "/invite",
  validateSearch: (raw): { token?: string } => string(raw, "token"),
  component: lazyRouteComponent(() => import("./access/setup.tsx"), "Invite"),
});

async function signedIn(client: QueryClient, href: string) {
  try {
    return await client.ensureQueryData(meQuery);
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status !== 401) throw error;
    const state = await client.fetchQuery(authStateQuery);
    if (state.setup_required) throw redirect({ to: "/setup" });
    throw redirect({ to: "/login", search: href === "/" ? {} : { next: href } });
  }
}

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: async ({ context, location }) => {
    const project = firstProject(await signedIn(context.client, location.href));
    if (project) throw redirect({ to: "/p/$project/traces", params: { project: project.id }, replace: true });
  },
  component: NoProject,
});

const project = createRoute({
  getParentRoute: () => root,
  path: "/p/$project",
  beforeLoad: async ({ context, params, location }) => {
    const me = await signedIn(context.client, location.href);
    if (findProject(me, params.project) === null) throw redirect({ to: "/" });
    localStorage.setItem("kaname.project", params.project);
  },
  component: Shell,
});
const projectHome = createRoute({
  getParentRoute: () => project,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/p/$project/traces", params, replace: true });
  },
});

const traces = createRoute({
  getParentRoute: () => project,
  path: "traces",
  validateSearch: readTracesSearch,
  component: lazyRouteComponent(() => import("./traces/screen.tsx")),
});
const trace = createRoute({
  getParentRoute: () => project,
  path: "traces/$traceId",
  validateSearch: readTraceSearch,
  component: lazyRouteComponent(() => import("./trace/screen.tsx")),
});
const compare = createRoute({
  getParentRoute: () => project,
  path: "compare",
  validateSearch: (raw): { ids?: string } => string(raw, "ids"),
  component: lazyRouteComponent(() => import("./traces/compare.tsx")),
});
const compareSessions = createRoute({
  getParentRoute: () => project,
  path: "compare-sessions",
  validateSearch: (raw): { ids?: string } => string(raw, "ids"),
  component: lazyRouteComponent(() => import("./sessions/compare.tsx")),
});
const live = createRoute({
  getParentRoute: () => project,
  path: "live",
  validateSearch: readTracesSearch,
  component: lazyRouteComponent(() => import("./live/screen.tsx")),
});
const sessions = createRoute({
  getParentRoute: () => project,
  path: "sessions",
  validateSearch: readTracesSearch,
  component: lazyRouteComponent(() => import("./sessions/screen.tsx")),
});
const session = createRoute({
  getParentRoute: () => project,
  path: "sessions/$sessionId",
  component: lazyRouteComponent(() => import("./sessions/session.tsx")),
});
const users = createRoute({
  getParentRoute: () => project,
  path: "users",
  validateSearch: readTracesSearch,
  component: lazyRouteComponent(() => import("./users/screen.tsx")),
});
const scores = createRoute({
  getParentRoute: () => project,
  path: "scores",
  validateSearch: readTracesSearch,
  component: lazyRouteComponent(() => import("./scores/screen.tsx")),
});
const start = createRoute({
  getParentRoute: () => project,
  path: "start",
  component: lazyRouteComponent(() => import("./onboarding/screen.tsx")),
});

const gateway = createRoute({ getParentRoute: () => project, path: "gateway", component: Outlet });
const gatewayRoutes = createRoute({
  getParentRoute: () => gateway,
  path: "routes",
  validateSearch: (raw): { model?: string; node?: string } => string(raw, "model", "node"),
  component: lazyRouteComponent(() => import("./gateway/routes.tsx")),
});
const gatewayConfig = createRoute({
  getParentRoute: () => gateway,
  path: "config",
  validateSearch: (raw): { line?: number } => (Number(raw.line) > 0 ? { line: Number(raw.line) } : {}),
  component: lazyRouteComponent(() => import("./gateway/config.tsx")),
});
const gatewayKeys = createRoute({
  getParentRoute: () => gateway,
  path: "keys",
  component: lazyRouteComponent(() => import("./gateway/keys.tsx")),
});
const gatewayProviders = createRoute({
  getParentRoute: () => gateway,
  path: "providers",
  component: lazyRouteComponent(() => import("./gateway/providers.tsx")),
});
const gatewayCache = createRoute({
  getParentRoute: () => gateway,
  path: "cache",
  component: lazyRouteComponent(() => import("./gateway/cache.tsx")),
});
const gatewayTry = createRoute({
  getParentRoute: () => gateway,
  path: "try",
  component: lazyRouteComponent(() => import("./gateway/try.tsx")),
});

const settings = createRoute({ getParentRoute: () => project, path: "settings", component: Outlet });
const keys = createRoute({
  getParentRoute: () => settings,
  path: "keys",
  validateSearch: (raw): { create?: boolean } => (raw.create ? { create: true } : {}),
  component: lazyRouteComponent(() => import("./settings/keys.tsx")),
});
const projects = createRoute({
  getParentRoute: () => settings,
  path: "projects",
  component: lazyRouteComponent(() => import("./settings/projects.tsx")),
});
const members = createRoute({
  getParentRoute: () => settings,
  path: "members",
  component: lazyRouteComponent(() => import("./settings/members.tsx")),
});
const prices = createRoute({
  getParentRoute: () => settings,
  path: "prices",
  validateSearch: (raw): { q?: string } => string(raw, "q"),
  component: lazyRouteComponent(() => import("./settings/prices.tsx")),
});
const audit = createRoute({
  getParentRoute: () => settings,
  path: "audit",
  validateSearch: (raw): { action?: string; actor?: string } => string(raw, "action", "actor"),
  component: lazyRouteComponent(() => import("./settings/audit.tsx")),
});
const tokens = createRoute({
  getParentRoute: () => settings,
  path: "tokens",
  component: lazyRouteComponent(() => import("./settings/tokens.tsx")),
});
const notices = createRoute({
  getParentRoute: () => settings,
  path: "notices",
  component: lazyRouteComponent(() => import("./settings/notices.tsx")),
});
const system = createRoute({
  getParentRoute: () => settings,
  path: "system",
  component: lazyRouteComponent(() => import("./settings/system.tsx")),
});

const tree = root.addChildren([
  login,
  setup,
  invite,
  home,
  project.addChildren([
    projectHome,
    traces,
    trace,
    compare,
    compareSessions,
    live,
    sessions,
    session,
    users,
    scores,
    start,
    gateway.addChildren([gatewayRoutes, gatewayConfig, gatewayKeys, gatewayProviders, gatewayCache, gatewayTry]),
    settings.addChildren([keys, projects, members, prices, audit, tokens, notices, system]),
  ]),
]);

export const buildRouter = (client: QueryClient) =>
  createRouter({
    routeTree: tree,
    context: { client },
    defaultPendingComponent: Loading,
    defaultErrorComponent: ScreenError,
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof buildRouter>;
  }
}
