/** The cache of a model: the same request, and similar questions. */
import { Checkbox, Field, Select, TextInput } from "../ui/field.tsx";
import { DurationField, NumberField } from "./draft-field.tsx";
import { addSemantic, readCache, setCache } from "./guards-edit.ts";
import css from "./inspector.module.css";
import type { PanelProps } from "./inspector.tsx";
import type { Value } from "./routes-edit.ts";
import type { Path } from "./routes-model.ts";
import { useGateway } from "./text/index.ts";

export function CachePanel({ route, draft }: PanelProps) {
  const { g } = useGateway();
  const cache = readCache(draft.text, route.path);
  const { semantic } = cache;
  const set = (path: Path, value: Value | null) =>
    draft.edit(setCache(draft.text, route.path, path, value), [...route.path, "cache", ...path].join("."));
  return (
    <details className={css.more} open={cache.exact !== "" || semantic !== null}>
      <summary>{g("cache.title")}</summary>
      <div className={css.group}>
        <div className={css.pair}>
          <DurationField
            label={g("cache.exactFor")}
            value={cache.exact}
            usual={g("cache.off")}
            onChange={(value) => set(["exact"], value)}
          />
          <Field label={g("cache.scope")} hint={cache.scope === "project" ? g("cache.scopeShared") : undefined}>
            <Select
              value={cache.scope}
              disabled={cache.exact === "" && !semantic}
              onChange={(e) => set(["scope"], e.target.value === "key" ? null : e.target.value)}
            >
              <option value="key">{g("cache.scope.key")}</option>
              <option value="project">{g("cache.scope.project")}</option>
            </Select>
          </Field>
        </div>
        <Checkbox
          label={g("cache.similar")}
          checked={semantic !== null}
          onChange={(e) =>
            e.target.checked ? draft.edit(addSemantic(draft.text, route.path)) : set(["semantic"], null)
          }
        />
        {semantic && (
          <div className={css.pair}>
            <NumberField
              label={g("cache.threshold")}
              hint={g("cache.thresholdHint")}
              value={semantic.threshold}
              min={0.8}
              max={1}
              onChange={(value) => set(["semantic", "threshold"], value)}
            />
            <DurationField
              label={g("cache.similarFor")}
              value={semantic.ttl}
              usual="1h"
              onChange={(value) => set(["semantic", "ttl"], value)}
            />
            <Field label={g("cache.similarScope")}>
              <Select
                value={semantic.scope || cache.scope}
                onChange={(e) => set(["semantic", "scope"], e.target.value === cache.scope ? null : e.target.value)}
              >
                <option value="key">{g("cache.scope.key")}</option>
                <option value="project">{g("cache.scope.project")}</option>
              </Select>
            </Field>
            <Field label={g("cache.embedder")}>
              <TextInput
                value={semantic.embedder}
                placeholder={g("cache.embedderUsual")}
                onChange={(e) => set(["semantic", "embedder"], e.target.value.trim() || null)}
              />
            </Field>
          </div>
        )}
      </div>
    </details>
  );
}
