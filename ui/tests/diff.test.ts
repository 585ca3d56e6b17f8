import { expect, test } from "vitest";
import { diffWords, type Piece } from "../src/traces/diff.ts";

const side = (pieces: Piece[], without: Piece["kind"]) =>
  pieces
    .filter((piece) => piece.kind !== without)
    .map((piece) => piece.text)
    .join("");

test("what changed is marked, what stayed is whole", () => {
  expect(diffWords("Port 8700 is used.", "Port 8701 is used.")).toEqual([
    { kind: "same", text: "Port " },
    { kind: "removed", text: "8700" },
    { kind: "added", text: "8701" },
    { kind: "same", text: " is used." },
  ]);
  expect(diffWords("same", "same")).toEqual([{ kind: "same", text: "same" }]);
});

test("Japanese is compared by words although it has no spaces", () => {
  const pieces = diffWords("既定のポートは8700です。", "既定のポートは8080です。")!;
  expect(pieces.filter((piece) => piece.kind === "added").map((piece) => piece.text)).toEqual(["8080"]);
});

test("both texts can be read back from the differences", () => {
  const vocabulary = ["a", "b", "要", " ", "\n"];
  let seed = 3;
  const next = (n: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % n;
  };
  for (let round = 0; round < 200; round++) {
    const make = () => Array.from({ length: next(12) }, () => vocabulary[next(vocabulary.length)]).join("");
    const [before, after] = [make(), make()];
    const pieces = diffWords(before, after)!;
    expect(side(pieces, "added")).toBe(before);
    expect(side(pieces, "removed")).toBe(after);
  }
});

test("texts too long to compare are not compared", () => {
  const long = (word: string) => Array.from({ length: 2000 }, (_, at) => `${word}${at}`).join(" ");
  expect(diffWords(long("a"), long("b"))).toBeNull();
});
