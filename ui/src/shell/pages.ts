/** The pages of a project: one list for the navigation and the palette. */
import type { Permission } from "../access/project.tsx";
import type { MessageKey } from "../i18n/index.tsx";
import type { IconName } from "../ui/icon.tsx";

export interface PageEntry {
  to:
    | "/p/$project/traces"
    | "/p/$project/live"
    | "/p/$project/sessions"
    | "/p/$project/users"
    | "/p/$project/scores"
    | "/p/$project/start"
    | "/p/$project/gateway/routes"
    | "/p/$project/gateway/config"
    | "/p/$project/gateway/keys"
    | "/p/$project/gateway/providers"
    | "/p/$project/gateway/cache"
    | "/p/$project/gateway/try"
    | "/p/$project/settings/keys"
    | "/p/$project/settings/projects"
    | "/p/$project/settings/members"
    | "/p/$project/settings/prices"
    | "/p/$project/settings/audit"
    | "/p/$project/settings/tokens"
    | "/p/$project/settings/notices"
    | "/p/$project/settings/system";
  label: MessageKey;
  icon: IconName;
  /** Whoever lacks it isn't offered the page. */
  needs?: Permission;
}

export const OBSERVE_PAGES: PageEntry[] = [
  { to: "/p/$project/traces", label: "nav.traces", icon: "traces", needs: "traces:read" },
  { to: "/p/$project/live", label: "nav.live", icon: "live", needs: "traces:read" },
  { to: "/p/$project/sessions", label: "nav.sessions", icon: "sessions", needs: "traces:read" },
  { to: "/p/$project/users", label: "nav.users", icon: "users", needs: "traces:read" },
  { to: "/p/$project/scores", label: "nav.scores", icon: "scores", needs: "scores:read" },
];

export const GATEWAY_PAGES: PageEntry[] = [
  { to: "/p/$project/gateway/routes", label: "nav.gatewayRoutes", icon: "route", needs: "gateway:read" },
  { to: "/p/$project/gateway/config", label: "nav.gatewayConfig", icon: "code", needs: "gateway:read" },
  { to: "/p/$project/gateway/keys", label: "nav.gatewayKeys", icon: "price", needs: "keys:read" },
  { to: "/p/$project/gateway/providers", label: "nav.gatewayProviders", icon: "system", needs: "gateway:read" },
  { to: "/p/$project/gateway/cache", label: "nav.gatewayCache", icon: "refresh", needs: "gateway:read" },
  { to: "/p/$project/gateway/try", label: "nav.gatewayTry", icon: "play", needs: "gateway:call" },
];

export const SETTINGS_PAGES: PageEntry[] = [
  { to: "/p/$project/settings/keys", label: "nav.keys", icon: "key", needs: "keys:read" },
  { to: "/p/$project/settings/projects", label: "nav.projects", icon: "settings", needs: "organization:read" },
  { to: "/p/$project/settings/members", label: "nav.members", icon: "members", needs: "members:read" },
  { to: "/p/$project/settings/prices", label: "nav.prices", icon: "price", needs: "prices:read" },
  { to: "/p/$project/settings/audit", label: "nav.audit", icon: "audit", needs: "audit:read" },
  { to: "/p/$project/settings/tokens", label: "nav.tokens", icon: "token" },
  { to: "/p/$project/settings/notices", label: "nav.notices", icon: "notice", needs: "traces:read" },
  { to: "/p/$project/settings/system", label: "nav.system", icon: "system", needs: "system:read" },
];

/** The pages of a list that the reader may open. */
export const offered = (pages: PageEntry[], can: (permission: Permission) => boolean): PageEntry[] =>
  pages.filter((page) => page.needs === undefined || can(page.needs));

export const START_PAGE: PageEntry = { to: "/p/$project/start", label: "nav.start", icon: "start" };
