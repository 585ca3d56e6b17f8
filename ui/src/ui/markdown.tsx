/**
 * A small, safe Markdown reader for model output: it makes React nodes and never HTML.
 *
 * Read: fenced code, headings, lists, quotes, rules, tables as text, `code`, **bold**, *italic*, links (http, https, mailto only).
 * Anything else stays as written. Images are shown as links: a trace must not make the browser call a stranger's server.
 */
import { Fragment, memo, type ReactNode } from "react";
import css from "./markdown.module.css";
import { type Block, parseBlocks, safeHref } from "./markdown-blocks.ts";

const INLINE = /(`+)([^`]+)\1|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|!?\[([^\]\n]*)\]\(([^)\s]+)\)/g;

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
