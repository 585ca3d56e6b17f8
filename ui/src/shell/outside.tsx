/** Screens for when there is no screen: an unknown address, a failure, an account without a project. */
import { useQuery } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { meQuery } from "../access/api.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { useTitle } from "../ui/page.tsx";
import { Empty, ErrorPanel } from "../ui/state.tsx";

export function NotFound() {
  const { t } = useLocale();
  useTitle(t("outside.notFound"));
  return (
    <Empty page icon="search" title={t("outside.notFound")}>
      <p>{t("outside.notFoundText")}</p>
      <Link to="/">{t("outside.home")}</Link>
    </Empty>
  );
}

export function ScreenError({ error }: { error: unknown }) {
  const router = useRouter();
  return <ErrorPanel error={error} retry={() => void router.invalidate()} />;
}

// Also the shell's: not part of what every visit loads.
const NewProject = lazy(() => import("./new-project.tsx"));

export function NoProject() {
  const { t } = useLocale();
  const { data: me } = useQuery(meQuery);
  const [creating, setCreating] = useState(false);
  useTitle("");
  const organization = me?.organizations.find((mine) => mine.permissions.includes("project:manage"));
  return (
    <Empty page icon="members" title={t("outside.noProject")}>
      {organization ? (
        <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
          {t("project.create")}
        </Button>
      ) : (
        <p>{t("outside.noProjectText")}</p>
      )}
      <Suspense fallback={null}>
        {creating && organization && <NewProject organization={organization} onClose={() => setCreating(false)} />}
      </Suspense>
    </Empty>
  );
}
