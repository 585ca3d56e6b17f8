/** Copy as code: this span by curl or Python, and a generation as a request to repeat. */
import type { SpanDetail } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { copyText } from "../ui/copy.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { useToast } from "../ui/toast.tsx";
import { curlFor, pythonFor, requestFor } from "./code.ts";
import css from "./code-menu.module.css";

export function CodeMenu({ project, span }: { project: string; span: SpanDetail }) {
  const { t } = useLocale();
  const toast = useToast();
  const url = `${location.origin}/api/v1/projects/${project}/traces/${span.trace_id}/spans/${span.span_id}`;
  const link = `${location.origin}/p/${project}/traces/${span.trace_id}?span=${span.span_id}`;
  const copy = (text: string) => void copyText(text).then(() => toast(t("ui.copied")));
  const request = requestFor(location.origin, span);
  const items: MenuItem[] = [
    { label: t("code.link"), icon: "link", run: () => copy(link) },
    { label: t("code.traceId"), icon: "copy", run: () => copy(span.trace_id) },
    { label: t("code.curl"), icon: "code", run: () => copy(curlFor(url)) },
    { label: t("code.python"), icon: "code", run: () => copy(pythonFor(url)) },
    ...(request ? [{ label: t("code.request"), icon: "code" as const, run: () => copy(request) }] : []),
  ];
  return (
    <Menu label={t("code.label")} align="end" triggerClass={css.trigger} trigger={<Icon name="code" />} items={items} />
  );
}
