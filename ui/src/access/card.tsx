/** The frame of the screens outside the shell: emblem, one form, language and theme. */
import type { FormEvent, ReactNode } from "react";
import { LanguageSwitch, ThemeSwitch } from "../shell/preferences.tsx";
import { Button } from "../ui/button.tsx";
import { Emblem } from "../ui/emblem.tsx";
import { useTitle } from "../ui/page.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import css from "./card.module.css";

export function AccessCard(props: {
  title: string;
  lead?: ReactNode;
  action: string;
  busy: boolean;
  error: unknown;
  onSubmit: () => void;
  children: ReactNode;
}) {
  useTitle(props.title);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSubmit();
  };
  return (
    <main className={css.page}>
      <form className={css.card} onSubmit={submit}>
        <div className={css.brand}>
          <Emblem size={36} />
          <span>Kaname</span>
        </div>
        <h1>{props.title}</h1>
        {props.lead && <p className={css.lead}>{props.lead}</p>}
        {props.children}
        {props.error != null && <ErrorPanel error={props.error} />}
        <Button type="submit" variant="primary" busy={props.busy}>
          {props.action}
        </Button>
      </form>
      <div className={css.preferences}>
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
    </main>
  );
}
