// Holds the size budgets of the built UI: what every visitor loads, and what each screen adds. Gzip, JavaScript only.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const OUT = process.env.KANAME_UI_OUT ?? join(import.meta.dirname, "../../src/kaname/static");
const ENTRY_LIMIT = 130_000;
const SCREEN_LIMIT = 60_000;
const EDITOR_LIMIT = 190_000;
const DICTIONARIES = /(i18n\/(errors\.)?|gateway\/text\/)(en|ja)\.ts$/;
const EDITORS = /gateway\/editor\.tsx$/;

const manifestPath = join(OUT, ".vite/manifest.json");
if (!existsSync(manifestPath)) {
  console.error(`budget: ${manifestPath} is missing. Run \`npm run build\` first.`);
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));

const sizes = new Map();
function size(file) {
  if (!sizes.has(file)) sizes.set(file, file.endsWith(".js") ? gzipSync(readFileSync(join(OUT, file))).length : 0);
  return sizes.get(file);
}

/** A chunk with everything that it imports statically. */
function closure(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const imported of manifest[key].imports ?? []) closure(imported, found);
  return found;
}
const weight = (keys) => [...keys].reduce((sum, key) => sum + size(manifest[key].file), 0);

const entry = closure(Object.keys(manifest).find((key) => manifest[key].isEntry));
const rows = [["entry", weight(entry), ENTRY_LIMIT]];
for (const key of Object.keys(manifest)) {
  if (!manifest[key].isDynamicEntry) continue;
  const added = [...closure(key)].filter((part) => !entry.has(part));
  rows.push([
    DICTIONARIES.test(key) ? `dictionary ${key}` : key,
    weight(added),
    EDITORS.test(key) ? EDITOR_LIMIT : SCREEN_LIMIT,
  ]);
}

let failed = false;
for (const [name, bytes, limit] of rows.sort((a, b) => b[1] - a[1])) {
  const over = bytes > limit;
  failed ||= over;
  console.log(`${over ? "OVER" : "  ok"} ${(bytes / 1000).toFixed(1).padStart(6)} / ${limit / 1000} kB  ${name}`);
}
process.exit(failed ? 1 : 0);
