/** Copying: a button that says it worked, and a code block with one. */
import { useEffect, useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "./button.tsx";
import css from "./copy.module.css";

export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http on another host has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, (text) => void copyText(text).then(() => setCopied(true))];
}

export function CopyButton({ text, label, children }: { text: string; label: string; children?: string }) {
  const { t } = useLocale();
  const [copied, copy] = useCopied();
  if (children === undefined)
    return (
      <IconButton icon={copied ? "check" : "copy"} label={copied ? t("ui.copied") : label} onClick={() => copy(text)} />
    );
  return (
    <Button icon={copied ? "check" : "copy"} onClick={() => copy(text)}>
      {copied ? t("ui.copied") : children}
    </Button>
  );
}

export function CodeBlock({ code, label }: { code: string; label: string }) {
  const { t } = useLocale();
  return (
    <div className={css.block}>
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{code}</code>
      </pre>
      <div className={css.corner}>
        <CopyButton text={code} label={t("ui.copy")} />
      </div>
    </div>
  );
}
