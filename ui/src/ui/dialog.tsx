/** Modal dialogs on `<dialog>`: focus trap, Escape and backdrop come from the browser. */
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "./button.tsx";
import { cx } from "./classes.ts";
import css from "./dialog.module.css";
import { Field, TextInput } from "./field.tsx";

export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
  /** A secret shown once must not vanish by a stray click. */
  sticky?: boolean;
}) {
  const { t } = useLocale();
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) {
      dialog.showModal();
      // Not the close button, which comes first in the document.
      dialog.querySelector<HTMLElement>(":scope [data-content] :is(input, select, textarea)")?.focus();
    }
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={cx(css.dialog, props.wide && css.wide)}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current && !props.sticky) props.onClose();
      }}
    >
      <div className={css.body}>
        <header className={css.head}>
          <h2 id={id}>{props.title}</h2>
          <IconButton icon="close" label={t("ui.close")} onClick={props.onClose} />
        </header>
        <div className={css.content} data-content>
          {props.children}
        </div>
        {props.footer && <footer className={css.foot}>{props.footer}</footer>}
      </div>
    </dialog>
  );
}

/** A destructive act: says what goes, and asks for the name when it can't be undone. */
export function ConfirmDialog(props: {
  title: string;
  children: ReactNode;
  action: string;
  confirmName?: string;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const { t } = useLocale();
  const [typed, setTyped] = useState("");
  const ready = props.confirmName === undefined || typed === props.confirmName;
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      footer={
        <>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button variant="danger" disabled={!ready} busy={props.busy ?? false} onClick={props.onConfirm}>
            {props.action}
          </Button>
        </>
      }
    >
      <div className={css.stack}>
        {props.children}
        {props.confirmName !== undefined && (
          <Field label={t("ui.typeName", { name: props.confirmName })}>
            <TextInput value={typed} onChange={(event) => setTyped(event.target.value)} />
          </Field>
        )}
      </div>
    </Dialog>
  );
}
