import { expect, test } from "vitest";
import { ERROR_CODES, type ErrorCode } from "../src/api/error-codes.ts";
import type { Problem } from "../src/api/http.ts";
import { errorTexts as en } from "../src/i18n/errors.en.ts";
import { errorTexts as ja } from "../src/i18n/errors.ja.ts";
import { sayProblem } from "../src/i18n/errors.ts";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];
const problem = (part: Partial<Problem>): Problem => ({
  status: 400,
  code: "",
  title: "Bad Request",
  detail: "",
  hint: "",
  request_id: "r",
  ...part,
});

test.each([
  ["English", en],
  ["Japanese", ja],
])("%s says every code of the server, and only with values that it sends", (_, texts) => {
  expect(Object.keys(texts).sort()).toEqual([...codes].sort());
  for (const code of codes) {
    const sent: readonly string[] = ERROR_CODES[code];
    const values = Object.fromEntries(sent.map((place) => [place, `<${place}>`]));
    const { what, wayOut } = sayProblem(problem({ code, params: values }), texts);
    expect(what.trim(), code).not.toBe("");
    expect(wayOut.trim(), code).not.toBe("");
    expect(what + wayOut, code).not.toMatch(/[{}]/);
  }
});

test("no Japanese text was left in English", () => {
  for (const code of codes) for (const text of ja[code]) expect(text, code).toMatch(/[ぁ-んァ-ヶ一-龠]/);
});

test("the server's words are kept as details, and speak where a code has no text", () => {
  const known = problem({ code: "filter_field_misspelt", detail: "no field is called 'modle'", hint: "Did you mean?" });
  expect(sayProblem({ ...known, params: { field: "modle", nearest: "model" } }, ja)).toEqual({
    what: "「modle」というフィールドはありません。",
    wayOut: "もしかして：model",
    details: "no field is called 'modle' Did you mean?",
  });
  const unknown = problem({ code: "of_a_newer_server", status: 409, detail: "two at once", hint: "Wait." });
  expect(sayProblem(unknown, ja)).toEqual({ what: ja.conflict[0], wayOut: "two at once Wait.", details: "" });
});
