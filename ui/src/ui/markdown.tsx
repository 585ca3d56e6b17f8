/**
 * A small, safe Markdown reader for model output: it makes React nodes and never HTML.
 *
 * Read: fenced code, headings, lists, quotes, rules, tables as text, `code`, **bold**, *italic*, links (http, https, mailto only).
 * Anything else stays as written. Images are shown as links: a trace must not make the browser call a stranger's server.
 */
import { Fragment, memo, type ReactNode } from "react";
import css from "./markdown.module.css";

export interface Block {
  type: "code" | "heading" | "list" | "quote" | "rule" | "text";
  text: string;
  level?: number;
  items?: string[];
  ordered?: boolean;
}

const FENCE = /^\s{0,3}(```+|~~~+)\s*([\w+-]*)/;
const ITEM = /^\s{0,6}(?:[-*+]|(\d{1,4})[.)])\s+(.*)$/;

export function parseBlocks(source: string): Block[] {
  const lines = source.split("\n");
  const blocks: Block[] = [];
  let text: string[] = [];
  const flush = () => {
    if (text.some((line) => line.trim() !== ""))
      blocks.push({ type: "text", text: text.join("\n").replace(/^\n+|\n+$/g, "") });
    text = [];
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const fence = FENCE.exec(line);
    if (fence) {
      flush();
      const body: string[] = [];
      for (i += 1; i < lines.length && !lines[i]!.trim().startsWith(fence[1]!); i++) body.push(lines[i]!);
      blocks.push({ type: "code", text: body.join("\n") });
      continue;
    }
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const item = ITEM.exec(line);
    if (heading) {
      flush();
      blocks.push({ type: "heading", text: heading[2]!, level: heading[1]!.length });
    } else if (/^\s{0,3}([-*_])(?:\s*\1){2,}\s*$/.test(line)) {
      flush();
      blocks.push({ type: "rule", text: "" });
    } else if (item) {
      flush();
      const last = blocks.at(-1);
      const ordered = item[1] !== undefined;
      if (last?.type === "list" && last.ordered === ordered && text.length === 0) last.items!.push(item[2]!);
      else blocks.push({ type: "list", text: "", ordered, items: [item[2]!] });
    } else if (/^\s{0,3}>/.test(line)) {
      flush();
      const last = blocks.at(-1);
      const quoted = line.replace(/^\s{0,3}>\s?/, "");
      if (last?.type === "quote") last.text += `\n${quoted}`;
      else blocks.push({ type: "quote", text: quoted });
    } else if (line.trim() === "") flush();
    else text.push(line);
  }
  flush();
  return blocks;
}

const INLINE = /(`+)([^`]+)\1|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|!?\[([^\]\n]*)\]\(([^)\s]+)\)/g;

export function safeHref(href: string): string | null {
  return /^(https?:|mailto:)/i.test(href) ? href : null;
}

function inline(text: string): ReactNode[] {
  const out: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) out.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    const key = match.index;
    if (match[2] !== undefined) out.push(<code key={key}>{match[2]}</code>);
    else if (match[3] !== undefined) out.push(<strong key={key}>{match[3]}</strong>);
    else if (match[4] !== undefined) out.push(<em key={key}>{match[4]}</em>);
    else {
      const href = safeHref(match[6] ?? "");
      out.push(
        href === null ? (
          match[0]
        ) : (
          <a key={key} href={href} target="_blank" rel="noopener noreferrer nofollow">
            {match[5] || href}
          </a>
        ),
      );
    }
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

function BlockView({ block }: { block: Block }) {
  switch (block.type) {
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{block.text}</code>
        </pre>
      );
    case "heading":
      return <p className={css.heading}>{inline(block.text)}</p>;
    case "rule":
      return <hr />;
    case "quote":
      return <blockquote>{inline(block.text)}</blockquote>;
    case "list": {
      const items = block.items!.map((item, index) => <li key={index}>{inline(item)}</li>);
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    default:
      return <p>{inline(block.text)}</p>;
  }
}

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className={css.markdown}>
      {parseBlocks(text).map((block, index) => (
        <Fragment key={index}>
          <BlockView block={block} />
        </Fragment>
      ))}
    </div>
  );
});
