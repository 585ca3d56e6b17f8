/** API keys of the project: create (the secret is shown once), rename, see what they may do and when, revoke. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type Permission, useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Badge } from "../ui/marks.tsx";
import { createKey, keysQuery, renameKey, revokeKey } from "./api.ts";
import { type CredentialKind, CredentialScreen } from "./credentials.tsx";
import css from "./settings.module.css";

/** What an application needs; the rest is for tools that manage the project. */
const SCOPES: readonly Permission[] = [
  "traces:write",
  "traces:read",
  "scores:write",
  "scores:read",
  "gateway:call",
  "models:read",
  "prices:read",
  "project:read",
  "traces:export",
  "scores:delete",
  "prices:manage",
  "keys:read",
  "metrics:read",
];
const USUAL = new Set<string>(SCOPES.slice(0, 8));

export default function KeysScreen() {
  const { t } = useLocale();
  const { project, can } = useProject();
  const navigate = useNavigate();
  const creating = useSearch({ strict: false, select: (search) => (search as { create?: boolean }).create === true });
  const list = keysQuery(project.id);
  const kind: CredentialKind<ApiKey> = {
    kind: "keys",
    icon: "key",
    publicId: (key) => key.public_key,
    columns: [
      {
        id: "scopes",
        head: t("keys.scopes"),
        cell: (key) => (
          <span className={css.badges}>
            {key.scopes.map((scope) => (
              <Badge key={scope}>{scope}</Badge>
            ))}
          </span>
        ),
      },
    ],
    // Nobody can give a key more than they may do themselves.
    scopes: { all: SCOPES.filter(can), usual: new Set([...USUAL].filter((scope) => can(scope as Permission))) },
    queryKey: list.queryKey,
    create: async (draft) => ({ secret: (await createKey(project.id, draft)).secret_key }),
    rename: (id, name) => renameKey(project.id, id, name),
    revoke: (id) => revokeKey(project.id, id),
  };
  return (
    <CredentialScreen
      of={kind}
      list={useInfiniteQuery(list)}
      manage={can("keys:manage")}
      creating={creating}
      onCreating={(open) => void navigate({ to: ".", search: (open ? { create: true } : {}) as never, replace: true })}
    />
  );
}
