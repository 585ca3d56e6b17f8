/** Screens for when there is no screen: an unknown address, a failure, an account without a project. */
import { Link, useRouter } from "@tanstack/react-router";
import { useLocale } from "../i18n/index.tsx";
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

export function NoProject() {
  const { t } = useLocale();
  useTitle("");
  return (
    <Empty page icon="members" title={t("outside.noProject")}>
      <p>{t("outside.noProjectText")}</p>
    </Empty>
  );
}
