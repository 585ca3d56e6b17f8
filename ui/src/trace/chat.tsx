/** A conversation as people read it: roles, text, reasoning, tool calls and their results. Media are named, never inlined. */
import { memo, useState } from "react";
import type { Json, Message, MessagePart } from "../api/types.ts";
import { type MessageKey, useLocale } from "../i18n/index.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { Markdown } from "../ui/markdown.tsx";
import { Badge } from "../ui/marks.tsx";
import css from "./chat.module.css";
import { parseJson, partText } from "./messages.ts";

/** A history that repeats what earlier turns showed folds its middle. */
const SHOWN_WHOLE = 8;
const TAIL = 3;
const LONG_TEXT = 6000;

export function Chat({ messages }: { messages: Message[] }) {
  const { t } = useLocale();
  const [whole, setWhole] = useState(messages.length <= SHOWN_WHOLE);
  const head = messages[0]?.role === "system" ? 1 : 0;
  const hidden = whole ? 0 : messages.length - head - TAIL;
  const shown = whole ? messages : [...messages.slice(0, head), ...messages.slice(-TAIL)];
  return (
    <div className={css.chat}>
      {shown.map((message, index) => (
        <div key={index}>
          {hidden > 0 && index === head && (
            <button type="button" className={css.fold} onClick={() => setWhole(true)}>
              {t("chat.earlier", { n: hidden })}
            </button>
          )}
          <MessageView message={message} />
        </div>
      ))}
    </div>
  );
}

const ROLES = ["system", "user", "assistant", "tool", "developer"];

export function RoleName({ role }: { role: string }) {
  const { t } = useLocale();
  return <>{ROLES.includes(role) ? t(`role.${role}` as MessageKey) : role}</>;
}

export const MessageView = memo(function MessageView({ message }: { message: Message }) {
  return (
    <article className={css.message} data-role={message.role}>
      <header className={css.role}>
        <RoleName role={message.role} />
        {message.name && <span className={css.quiet}>{message.name}</span>}
        {message.finish_reason && message.finish_reason !== "stop" && (
          <Badge tone="warn">{message.finish_reason}</Badge>
        )}
      </header>
      <div className={css.parts}>
        {message.parts.map((part, index) => (
          <Part key={index} part={part} />
        ))}
      </div>
    </article>
  );
});

export function Part({ part }: { part: MessagePart }) {
  const { t, fmt } = useLocale();
  switch (part.type) {
    case "text":
      return <LongText text={partText(part)} />;
    case "reasoning":
    case "thinking":
      return (
        <details className={css.reasoning}>
          <summary>{t("chat.reasoning")}</summary>
          <LongText text={partText(part)} />
        </details>
      );
    case "tool_call":
      return (
        <div className={css.tool}>
          <div className={css.toolHead}>
            <span className={css.toolName}>{String(part.name ?? "")}</span>
            <span className={css.quiet}>{t("chat.toolCall")}</span>
            {part.id != null && <code className={css.quiet}>{String(part.id)}</code>}
          </div>
          <Value value={part.arguments ?? null} />
        </div>
      );
    case "tool_call_response":
      return (
        <div className={css.tool}>
          <div className={css.toolHead}>
            <span className={css.quiet}>{t("chat.toolResult")}</span>
            {part.id != null && <code className={css.quiet}>{String(part.id)}</code>}
          </div>
          <Value value={part.response ?? part.result ?? part.content ?? null} />
        </div>
      );
    case "blob":
    case "uri":
    case "file": {
      const media = String(part.mime_type ?? part.modality ?? part.type);
      const size = typeof part.content === "string" ? fmt.bytes(Math.round(part.content.length * 0.75)) : "";
      return (
        <p className={css.media}>
          {t("chat.media", { kind: media })} {size} {part.type === "uri" && <code>{String(part.uri ?? "")}</code>}
        </p>
      );
    }
    default:
      return <JsonTree value={part as Json} />;
  }
}

export function LongText({ text }: { text: string }) {
  const { t } = useLocale();
  const [whole, setWhole] = useState(false);
  if (text.length <= LONG_TEXT || whole) return <Markdown text={text} />;
  return (
    <>
      <Markdown text={`${text.slice(0, LONG_TEXT)}…`} />
      <button type="button" className={css.fold} onClick={() => setWhole(true)}>
        {t("json.whole", { n: text.length })}
      </button>
    </>
  );
}

function Value({ value }: { value: Json }) {
  const parsed = typeof value === "string" ? parseJson(value) : value;
  if (parsed !== undefined && parsed !== null && typeof parsed === "object") return <JsonTree value={parsed} />;
  return <pre className={css.plain}>{typeof value === "string" ? value : JSON.stringify(value)}</pre>;
}
