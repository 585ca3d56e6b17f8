/** The pages of a project: one list for the navigation and the palette. */
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
    | "/p/$project/settings/keys"
    | "/p/$project/settings/members"
    | "/p/$project/settings/prices"
    | "/p/$project/settings/audit"
    | "/p/$project/settings/tokens"
    | "/p/$project/settings/notices"
    | "/p/$project/settings/system";
  label: MessageKey;
  icon: IconName;
}

export const OBSERVE_PAGES: PageEntry[] = [
  { to: "/p/$project/traces", label: "nav.traces", icon: "traces" },
  { to: "/p/$project/live", label: "nav.live", icon: "live" },
  { to: "/p/$project/sessions", label: "nav.sessions", icon: "sessions" },
  { to: "/p/$project/users", label: "nav.users", icon: "users" },
  { to: "/p/$project/scores", label: "nav.scores", icon: "scores" },
];

export const SETTINGS_PAGES: PageEntry[] = [
  { to: "/p/$project/settings/keys", label: "nav.keys", icon: "key" },
  { to: "/p/$project/settings/members", label: "nav.members", icon: "members" },
  { to: "/p/$project/settings/prices", label: "nav.prices", icon: "price" },
  { to: "/p/$project/settings/audit", label: "nav.audit", icon: "audit" },
  { to: "/p/$project/settings/tokens", label: "nav.tokens", icon: "token" },
  { to: "/p/$project/settings/notices", label: "nav.notices", icon: "notice" },
  { to: "/p/$project/settings/system", label: "nav.system", icon: "system" },
];

export const START_PAGE: PageEntry = { to: "/p/$project/start", label: "nav.start", icon: "start" };
