/** The form of a budget: whose, how much, per which window in which time zone, and what happens beyond it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Checkbox, Field, Select, TextInput } from "../ui/field.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { canAlign, changedBudget, type Fields, fieldsOf, newBudget, PERIODS, usesZone } from "./budget-draft.ts";
import { periodText } from "./budgets.tsx";
import css from "./gateway.module.css";
import { type Budget, budgetsQuery, createBudget, updateBudget } from "./limits-api.ts";
import { useGateway } from "./text/index.ts";

type Set = (part: Partial<Fields>) => void;

export function BudgetForm(props: { budget: Budget | null; keys: ApiKey[]; onClose: () => void }) {
  const { g, t } = useGateway();
  const { project } = useProject();
  const client = useQueryClient();
  const { budget } = props;
  const [fields, setFields] = useState(() => fieldsOf(budget, Intl.DateTimeFormat().resolvedOptions().timeZone));
  const set: Set = (part) => setFields((old) => ({ ...old, ...part }));
  const save = useMutation({
    mutationFn: () =>
      budget === null
        ? createBudget(project.id, newBudget(fields))
        : updateBudget(project.id, budget.id, changedBudget(fields)),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: budgetsQuery(project.id).queryKey });
      props.onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog title={g(budget === null ? "budget.add" : "budget.change")} onClose={props.onClose}>
      <form className={css.stack} onSubmit={submit}>
        {budget === null && <WhoseFields fields={fields} set={set} keys={props.keys} />}
        <div className={css.pair}>
          <Field label={g("budget.amount")}>
            <TextInput
              required
              inputMode="decimal"
              pattern="[0-9]+(\.[0-9]{1,9})?"
              value={fields.amount}
              onChange={(e) => set({ amount: e.target.value })}
            />
          </Field>
          <WindowFields fields={fields} set={set} />
        </div>
        <div className={css.pair}>
          <Field label={g("budget.onExceed")} hint={g(`exceed.${fields.onExceed}Text`)}>
            <Select value={fields.onExceed} onChange={(e) => set({ onExceed: e.target.value as Fields["onExceed"] })}>
              {(["block", "warn", "downgrade"] as const)
                .filter((value) => fields.scope !== "provider" || value !== "downgrade")
                .map((value) => (
                  <option key={value} value={value}>
                    {g(`exceed.${value}`)}
                  </option>
                ))}
            </Select>
          </Field>
          {fields.onExceed === "downgrade" && (
            <Field label={g("budget.downgradeTo")} hint={g("budget.downgradeHint")}>
              <TextInput required value={fields.downgradeTo} onChange={(e) => set({ downgradeTo: e.target.value })} />
            </Field>
          )}
          <Field label={g("budget.alerts")} hint={g("budget.alertsHint")}>
            <TextInput value={fields.alerts} onChange={(e) => set({ alerts: e.target.value })} />
          </Field>
        </div>
        {fields.onExceed === "block" && (
          <Checkbox
            label={g("policy.shadowText")}
            checked={fields.shadow}
            onChange={(e) => set({ shadow: e.target.checked })}
          />
        )}
        {budget !== null && <Exceptions fields={fields} set={set} />}
        {save.error && <ErrorPanel error={save.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {g(budget === null ? "budget.add" : "budget.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function WhoseFields({ fields, set, keys }: { fields: Fields; set: Set; keys: ApiKey[] }) {
  const { g } = useGateway();
  const keySelect = (label: string, value: string, optional: boolean, onChange: (id: string) => void) => (
    <Field label={label}>
      <Select required={!optional} value={value} onChange={(e) => onChange(e.target.value)}>
        <option value="">{optional ? g("budget.anyKey") : g("budget.chooseKey")}</option>
        {keys.map((key) => (
          <option key={key.id} value={key.id}>
            {key.name} ({key.public_key})
          </option>
        ))}
      </Select>
    </Field>
  );
  return (
    <div className={css.pair}>
      <Field label={g("budget.scope")}>
        <Select
          value={fields.scope}
          onChange={(e) => {
            const scope = e.target.value as Fields["scope"];
            const onExceed = scope === "provider" && fields.onExceed === "downgrade" ? "block" : fields.onExceed;
            set({ scope, onExceed, subject: scope === "user" ? "*each" : "" });
          }}
        >
          {(["key", "user", "project", "provider"] as const).map((scope) => (
            <option key={scope} value={scope}>
              {g(`scope.${scope}`)}
            </option>
          ))}
        </Select>
      </Field>
      {fields.scope === "key" && keySelect(g("scope.key"), fields.subject, false, (subject) => set({ subject }))}
      {fields.scope === "user" && (
        <Field label={g("scope.user")} hint={g("budget.userHint")}>
          <TextInput required value={fields.subject} onChange={(e) => set({ subject: e.target.value })} />
        </Field>
      )}
      {fields.scope === "provider" && (
        <>
          <Field label={g("scope.provider")}>
            <TextInput required value={fields.subject} onChange={(e) => set({ subject: e.target.value })} />
          </Field>
          {keySelect(g("budget.shareOfKey"), fields.key, true, (key) => set({ key }))}
        </>
      )}
    </div>
  );
}

function WindowFields({ fields, set }: { fields: Fields; set: Set }) {
  const { g } = useGateway();
  const zones = useId();
  const periods = [...new Set<string>([...PERIODS, fields.period])];
  return (
    <>
      <Field label={g("budget.period")}>
        <Select value={fields.period} onChange={(e) => set({ period: e.target.value })}>
          {periods.map((period) => (
            <option key={period} value={period}>
              {periodText({ period, calendar: false }, g)}
            </option>
          ))}
        </Select>
      </Field>
      {canAlign(fields.period) && (
        <Field label={g("budget.window")} hint={g(fields.calendar ? "budget.calendarHint" : "budget.rollingHint")}>
          <Select
            value={fields.calendar ? "calendar" : "rolling"}
            onChange={(e) => set({ calendar: e.target.value === "calendar" })}
          >
            <option value="calendar">{g("budget.calendar")}</option>
            <option value="rolling">{g("budget.rolling")}</option>
          </Select>
        </Field>
      )}
      {usesZone(fields) && (
        <Field label={g("budget.zone")}>
          <TextInput required list={zones} value={fields.zone} onChange={(e) => set({ zone: e.target.value })} />
        </Field>
      )}
      <datalist id={zones}>
        {Intl.supportedValuesOf("timeZone").map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      {fields.calendar && fields.period === "1Q" && (
        <Field label={g("budget.quarterStart")}>
          <TextInput
            type="number"
            min={1}
            max={12}
            required
            value={fields.quarterStart}
            onChange={(e) => set({ quarterStart: e.target.value })}
          />
        </Field>
      )}
    </>
  );
}

function Exceptions({ fields, set }: { fields: Fields; set: Set }) {
  const { g } = useGateway();
  return (
    <fieldset className={css.group}>
      <legend>{g("budget.exceptions")}</legend>
      <div className={css.stack}>
        <div className={css.pair}>
          <Field label={g("budget.extraAmount")} hint={g("budget.extraHint")}>
            <TextInput
              inputMode="decimal"
              pattern="[0-9]+(\.[0-9]{1,9})?"
              value={fields.extra}
              onChange={(e) => set({ extra: e.target.value })}
            />
          </Field>
          <Field label={g("budget.extraCycles")}>
            <TextInput
              type="number"
              min={1}
              max={100}
              value={fields.cycles}
              onChange={(e) => set({ cycles: e.target.value })}
            />
          </Field>
        </div>
        <Checkbox label={g("budget.reset")} checked={fields.reset} onChange={(e) => set({ reset: e.target.checked })} />
      </div>
    </fieldset>
  );
}
