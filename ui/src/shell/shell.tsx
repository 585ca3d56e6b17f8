/** The frame of every project screen: navigation at the left, the screen in the rest. */
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState, useSyncExternalStore } from "react";
import { useProject } from "../access/project.tsx";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { IconButton } from "../ui/button.tsx";
import { cx } from "../ui/classes.ts";
import { Emblem } from "../ui/emblem.tsx";
import { Icon } from "../ui/icon.tsx";
import { KeyName, useKeys } from "../ui/keys.tsx";
import { Menu } from "../ui/menu.tsx";
import { Loading } from "../ui/state.tsx";
import { AccountMenu } from "./account.tsx";
import { GATEWAY_PAGES, OBSERVE_PAGES, offered, type PageEntry, SETTINGS_PAGES, START_PAGE } from "./pages.ts";
import { LanguageSwitch, ThemeSwitch } from "./preferences.tsx";
import css from "./shell.module.css";

const SMALL = "(max-width: 860px)";

/** Narrow by choice, or because the window leaves no room. */
function useNarrow(): [boolean, () => void] {
  const [chosen, setChosen] = useState(() => localStorage.getItem("kaname.nav") === "narrow");
  const small = useSyncExternalStore(
    (changed) => {
      const media = matchMedia(SMALL);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    () => matchMedia(SMALL).matches,
  );
  const toggle = () => {
    localStorage.setItem("kaname.nav", chosen ? "wide" : "narrow");
    setChosen(!chosen);
  };
  return [chosen || small, toggle];
}

// Opened by few visits: not part of what every visit loads.
const Palette = lazy(() => import("./palette.tsx"));
const NewProject = lazy(() => import("./new-project.tsx"));

export function Shell() {
  const { t } = useLocale();
  const { project, organization, me, can } = useProject();
  const navigate = useNavigate();
  const [palette, setPalette] = useState(false);
  const [creating, setCreating] = useState(false);
  const [narrow, toggle] = useNarrow();
  useKeys([
    { keys: "mod+k", label: "keys.palette", run: () => setPalette(true) },
    { keys: "/", label: "keys.search", run: () => document.querySelector<HTMLInputElement>("[data-search]")?.focus() },
    { keys: "\\", label: "keys.nav", run: toggle },
  ]);
  const projects = me.organizations.flatMap((owner) => owner.projects.map((candidate) => ({ owner, candidate })));
  const entry = (page: PageEntry) => (
    <Link
      key={page.to}
      to={page.to}
      params={{ project: project.id }}
      className={css.entry}
      activeProps={{ className: cx(css.entry, css.active), "aria-current": "page" }}
      title={narrow ? t(page.label) : undefined}
      aria-label={narrow ? t(page.label) : undefined}
    >
      <Icon name={page.icon} />
      {!narrow && <span>{t(page.label)}</span>}
    </Link>
  );
  const section = (label: MessageKey, pages: PageEntry[]) => (
    <>
      {narrow ? <hr className={css.rule} /> : <div className={css.group}>{t(label)}</div>}
      {offered(pages, can).map(entry)}
    </>
  );
  return (
    <div className={cx(css.shell, narrow && css.narrow)}>
      <a className={css.skip} href="#main">
        {t("shell.skip")}
      </a>
      <nav className={css.nav} aria-label={t("shell.navigation")}>
        <div className={css.top}>
          <Link to="/p/$project/traces" params={{ project: project.id }} className={css.brand} aria-label="Kaname">
            <Emblem size={24} />
            {!narrow && <span>Kaname</span>}
          </Link>
          <IconButton icon="sidebar" label={t(narrow ? "shell.widen" : "shell.narrow")} onClick={toggle} />
        </div>
        <Menu
          label={t("shell.project")}
          iconOnly={narrow}
          triggerClass={css.project}
          trigger={
            narrow ? (
              <span className={css.initial}>{[...project.name][0]}</span>
            ) : (
              <>
                <span className={css.projectName}>{project.name}</span>
                <Icon name="down" size={12} />
              </>
            )
          }
          items={[
            ...projects.map(({ owner, candidate }) => ({
              label: (
                <>
                  {candidate.name} <span className={css.quiet}>{owner.name}</span>
                </>
              ),
              checked: candidate.id === project.id,
              run: () => void navigate({ to: "/p/$project/traces", params: { project: candidate.id } }),
            })),
            ...(organization.permissions.includes("project:manage")
              ? (["line", { label: t("project.new"), icon: "plus", run: () => setCreating(true) }] as const)
              : []),
          ]}
        />
        <button
          type="button"
          className={css.find}
          onClick={() => setPalette(true)}
          aria-label={narrow ? t("shell.find") : undefined}
        >
          <Icon name="search" size={14} />
          {!narrow && (
            <>
              <span>{t("shell.find")}</span>
              <KeyName keys="mod+k" />
            </>
          )}
        </button>
        <div className={css.entries}>
          {offered(OBSERVE_PAGES, can).map(entry)}
          {section("nav.gateway", GATEWAY_PAGES)}
          {section("nav.settings", SETTINGS_PAGES)}
          {entry(START_PAGE)}
        </div>
        <div className={css.bottom}>
          <AccountMenu narrow={narrow} triggerClass={css.account} />
          <LanguageSwitch triggerClass={css.small} />
          <ThemeSwitch triggerClass={css.small} />
        </div>
      </nav>
      <main id="main" className={css.main} tabIndex={-1}>
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </main>
      <Suspense fallback={null}>
        {creating && <NewProject organization={organization} onClose={() => setCreating(false)} />}
        {palette && <Palette onClose={() => setPalette(false)} />}
      </Suspense>
    </div>
  );
}
