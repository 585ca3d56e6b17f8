/** An input or output: as a chat when it is one, else JSON or text; the raw form beside it; big ones as a download. */
import { useMemo, useState } from "react";
import type { Message, Payload } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Segmented } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { Chat, LongText } from "./chat.tsx";
import { messagesOf, parseJson } from "./messages.ts";
import css from "./payload.module.css";

type Form = "read" | "json" | "raw";
/** Beyond this many characters parsing happens only when asked for. */
const PARSE_LIMIT = 400_000;

export function PayloadView(props: {
  title: string;
  payload: Payload;
  messages: Message[] | null | undefined;
  download: string;
}) {
  const { t, fmt } = useLocale();
  const { payload } = props;
  const messages = useMemo(() => messagesOf(payload, props.messages), [payload, props.messages]);
  const json = useMemo(
    () => (/^\s*["[{]/.test(payload.text) && payload.text.length < PARSE_LIMIT ? parseJson(payload.text) : undefined),
    [payload],
  );
  const [form, setForm] = useState<Form>("read");
  if (payload.text === "" && !messages)
    return (
      <section className={css.payload}>
        <header>
          <h3>{props.title}</h3>
          <span className={css.quiet}>{t("payload.none")}</span>
        </header>
      </section>
    );
  const isJson = json !== undefined && typeof json === "object" && json !== null;
  const forms: { value: Form; label: string }[] = [
    { value: "read", label: messages ? t("payload.chat") : isJson ? "JSON" : t("payload.text") },
    ...(messages && isJson ? [{ value: "json" as const, label: "JSON" }] : []),
    { value: "raw", label: t("payload.raw") },
  ];
  return (
    <section className={css.payload}>
      <header>
        <h3>{props.title}</h3>
        <span className={css.quiet}>{fmt.bytes(payload.bytes)}</span>
        <span className={css.tools}>
          <Segmented label={t("payload.form", { name: props.title })} value={form} options={forms} onChange={setForm} />
          <CopyButton text={payload.text} label={t("payload.copy", { name: props.title })} />
          <a
            className={css.download}
            href={props.download}
            download
            aria-label={t("payload.download", { name: props.title })}
            title={t("payload.download", { name: props.title })}
          >
            <Icon name="download" />
          </a>
        </span>
      </header>
      {payload.truncated && <p className={css.notice}>{t("payload.truncated", { size: fmt.bytes(payload.bytes) })}</p>}
      {form === "raw" ? (
        <RawText text={payload.text} />
      ) : messages && form === "read" ? (
        <Chat messages={messages} />
      ) : isJson ? (
        <JsonTree value={json} />
      ) : typeof json === "string" ? (
        <LongText text={json} />
      ) : payload.text.length > PARSE_LIMIT ? (
        <RawText text={payload.text} />
      ) : (
        <LongText text={payload.text} />
      )}
    </section>
  );
}

const RAW_STEP = 100_000;

function RawText({ text }: { text: string }) {
  const { t } = useLocale();
  const [limit, setLimit] = useState(RAW_STEP);
  return (
    <>
      <pre className={css.raw}>{text.slice(0, limit)}</pre>
      {text.length > limit && (
        <button type="button" className={css.more} onClick={() => setLimit(limit + RAW_STEP)}>
          {t("payload.more", { n: text.length - limit })}
        </button>
      )}
    </>
  );
}
