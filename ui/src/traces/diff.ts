/** Differences between two texts by words, in any script. Pure; bounded, because the table of a comparison is quadratic. */

export interface Piece {
  kind: "same" | "added" | "removed";
  text: string;
}

const MOST_WORDS = 1500;

export function words(text: string): string[] {
  const segmenter = new Intl.Segmenter("ja", { granularity: "word" });
  return [...segmenter.segment(text)].map((part) => part.segment);
}

/** Null when a text is too long to be compared. */
export function diffWords(before: string, after: string): Piece[] | null {
  const [a, b] = [words(before), words(after)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const [left, right] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  if (left.length > MOST_WORDS || right.length > MOST_WORDS) return null;
  const pieces: Piece[] = [];
  const push = (kind: Piece["kind"], text: string) => {
    const last = pieces.at(-1);
    if (text === "") return;
    if (last?.kind === kind) last.text += text;
    else pieces.push({ kind, text });
  };
  push("same", a.slice(0, head).join(""));
  for (const [kind, word] of middle(left, right)) push(kind, word);
  push("same", a.slice(a.length - tail).join(""));
  return pieces;
}

/** Longest common subsequence, read off from the front. */
function* middle(a: string[], b: string[]): Generator<[Piece["kind"], string]> {
  const width = b.length + 1;
  const length = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] =
        a[i] === b[j]
          ? length[(i + 1) * width + j + 1]! + 1
          : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      yield ["same", a[i]!];
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || length[(i + 1) * width + j]! >= length[i * width + j + 1]!)) {
      yield ["removed", a[i]!];
      i += 1;
    } else {
      yield ["added", b[j]!];
      j += 1;
    }
  }
}
