/** The frame of a screen: one heading, its controls at the end, the body below. Sets the document title. */
import { type ReactNode, useEffect } from "react";
import css from "./page.module.css";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "Kaname" : `${title} · Kaname`;
  }, [title]);
}

export function PageHead(props: { title: ReactNode; documentTitle?: string; children?: ReactNode; lead?: ReactNode }) {
  useTitle(props.documentTitle ?? (typeof props.title === "string" ? props.title : ""));
  return (
    <header className={css.head}>
      <div className={css.title}>
        <h1>{props.title}</h1>
        {props.lead && <p className={css.lead}>{props.lead}</p>}
      </div>
      <div className={css.actions}>{props.children}</div>
    </header>
  );
}

export function PageBody({ children }: { children: ReactNode }) {
  return <div className={css.body}>{children}</div>;
}
