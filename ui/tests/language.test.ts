import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { en } from "../src/i18n/en.ts";
import { createFormats, formatBytes, formatCost, formatDuration } from "../src/i18n/formats.ts";
import { ja } from "../src/i18n/ja.ts";
import { fill } from "../src/i18n/message.ts";

const keys = Object.keys(en) as (keyof typeof en)[];
const places = (message: string) => [...new Set([...message.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();

test("both languages have the same keys and the same places", () => {
  expect(Object.keys(ja).sort()).toEqual([...keys].sort());
  for (const key of keys) {
    // A Japanese plural needs no word of its own, and may leave a place out only if English used it for the plural.
    expect(places(en[key]), key).toEqual(expect.arrayContaining(places(ja[key])));
    if (!/\{\w+\|/.test(en[key])) expect(places(ja[key]), key).toEqual(places(en[key]));
  }
});

test("no message is empty, and no Japanese message was left in English", () => {
  for (const key of keys) {
    expect(en[key].trim(), key).not.toBe("");
    if (/^[A-Za-z ,.'’…]{12,}$/.test(ja[key]))
      expect(
        ["OpenTelemetry", "ClickHouse"].some((name) => ja[key].includes(name)),
        key,
      ).toBe(true);
  }
});

test("every message is used, and every message that is used by name exists", () => {
  const sources = files(join(import.meta.dirname, "../src"))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  const prefixes = [...sources.matchAll(/`([a-zA-Z]+\.)[a-zA-Z.]*\$\{/g)].map((match) => match[1]!);
  const composed = new Set([...prefixes, "range."]);
  const endings = new Set([...sources.matchAll(/`\$\{[^}`]+\}(\.[a-zA-Z.]+)`/g)].map((match) => match[1]!));
  const unused = keys.filter(
    (key) =>
      !sources.includes(`"${key}"`) &&
      ![...composed].some((prefix) => key.startsWith(prefix)) &&
      ![...endings].some((ending) => key.endsWith(ending)),
  );
  expect(unused).toEqual([]);
});

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !/^(en|ja)\.ts$|schema/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

test("messages are filled and counted", () => {
  expect(fill("{n} {n|span|spans}", { n: 1 })).toBe("1 span");
  expect(fill("{n} {n|span|spans}", { n: 1234 })).toBe("1,234 spans");
  expect(fill("Go to {name}", { name: "{n}" })).toBe("Go to {n}");
  expect(fill("{unknown}", {})).toBe("{unknown}");
});

test("durations keep three digits and their unit", () => {
  expect([0, 0.25, 3.21, 250.4, 1234, 45_600, 61_000, 7_260_000].map(formatDuration)).toEqual([
    "0 ms",
    "250 µs",
    "3.2 ms",
    "250 ms",
    "1.23 s",
    "45.6 s",
    "1 min 1 s",
    "2 h 1 min",
  ]);
});

test("money says how small it is, never a rounded nothing", () => {
  expect(["0", "0.0000001", "0.00012", "0.0123", "1.5", "1234.5"].map(formatCost)).toEqual([
    "$0",
    "<$0.000001",
    "$0.00012",
    "$0.012",
    "$1.50",
    "$1235",
  ]);
});

test("bytes are binary", () => {
  expect([12, 2048, 3 * 1024 ** 2].map(formatBytes)).toEqual(["12 B", "2.0 KiB", "3.0 MiB"]);
});

test("what is absent is a dash, what is nothing is a zero", () => {
  const fmt = createFormats("ja");
  expect([fmt.count(null), fmt.cost(undefined), fmt.time(""), fmt.count(0), fmt.cost("0")]).toEqual([
    "–",
    "–",
    "–",
    "0",
    "$0",
  ]);
});
