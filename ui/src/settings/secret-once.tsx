/** A secret that is shown this once. It closes only by its own button. */
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import css from "./settings.module.css";

export function SecretOnce(props: { title: string; lead: string; secret: string; onClose: () => void }) {
  const { t } = useLocale();
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      sticky
      footer={
        <Button variant="primary" onClick={props.onClose}>
          {t("secret.done")}
        </Button>
      }
    >
      <div className={css.form}>
        <p>{props.lead}</p>
        <div className={css.secret}>
          <code data-secret>{props.secret}</code>
          <CopyButton text={props.secret} label={t("ui.copy")}>
            {t("ui.copy")}
          </CopyButton>
        </div>
      </div>
    </Dialog>
  );
}
