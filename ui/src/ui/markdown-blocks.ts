/** Markdown into blocks, and which links may be followed. Pure; `markdown.tsx` draws them. */

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

export function safeHref(href: string): string | null {
  return /^(https?:|mailto:)/i.test(href) ? href : null;
}
