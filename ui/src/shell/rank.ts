/** Every word must occur; an earlier hit ranks higher. */
export function rank(label: string, query: string): number {
  const text = label.toLowerCase();
  let score = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = text.indexOf(word);
    if (at < 0) return -1;
    score += at === 0 ? 3 : text[at - 1] === " " ? 2 : 1;
  }
  return score;
}
