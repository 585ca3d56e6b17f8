/** The project's rules: which calls each matches, how fast those may come, and which of several rules counts. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ApiKey } from "../api/types.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { Badge } from "../ui/marks.tsx";
import { ErrorPanel, Loading } from "../ui/state.tsx";
import css from "./budgets.module.css";
import gateway from "./gateway.module.css";
import { RuleForm } from "./rule-form.tsx";
import own from "./rules.module.css";
import { type Rule, removeRule, rulesQuery } from "./rules-api.ts";
import { useGateway } from "./text/index.ts";

export function Rules({ keys, manage }: { keys: ApiKey[]; manage: boolean }) {
  const { g, t } = useGateway();
  const { project } = useProject();
  const rules = useInfiniteQuery(rulesQuery(project.id));
  const [editing, setEditing] = useState<Rule | "new" | null>(null);
  const [removing, setRemoving] = useState<Rule | null>(null);
  const rows = rules.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className={gateway.section} aria-labelledby="gateway-rules">
      <div className={gateway.sectionHead}>
        <h2 id="gateway-rules">{g("rule.list")}</h2>
        {manage && (
          <Button icon="plus" onClick={() => setEditing("new")}>
            {g("rule.add")}
          </Button>
        )}
      </div>
      {rules.error && <ErrorPanel error={rules.error} retry={() => void rules.refetch()} />}
      {rules.isPending && <Loading />}
      {rules.data && rows.length === 0 && <p>{g("rule.none")}</p>}
      {rows.length > 0 && (
        <ul className={css.list}>
          {rows.map((rule) => (
            <Row key={rule.id} rule={rule} keys={keys} manage={manage} edit={setEditing} remove={setRemoving} />
          ))}
        </ul>
      )}
      {rules.hasNextPage && (
        <div>
          <Button busy={rules.isFetchingNextPage} onClick={() => void rules.fetchNextPage()}>
            {t("paged.more")}
          </Button>
        </div>
      )}
      {editing && <RuleForm rule={editing === "new" ? null : editing} keys={keys} onClose={() => setEditing(null)} />}
      {removing && <RemoveRule rule={removing} onClose={() => setRemoving(null)} />}
    </section>
  );
}

function Row(props: {
  rule: Rule;
  keys: ApiKey[];
  manage: boolean;
  edit: (rule: Rule) => void;
  remove: (rule: Rule) => void;
}) {
  const { g, fmt } = useGateway();
  const { rule } = props;
  const rates = [
    rule.rpm != null && g("unit.rpm", { n: fmt.count(rule.rpm) }),
    rule.tpm != null && g("unit.tpm", { n: fmt.count(rule.tpm) }),
    rule.max_concurrency != null && g("unit.concurrent", { n: fmt.count(rule.max_concurrency) }),
  ].filter(Boolean);
  return (
    <li className={css.item}>
      <div className={css.head}>
        <strong>{rule.name}</strong>
        <span>{rates.join(" · ")}</span>
        <Badge>{rule.always ? g("rule.always") : g("rule.priorityIs", { n: rule.priority })}</Badge>
        {rule.shadow && <Badge tone="warn">{g("policy.shadow")}</Badge>}
        {props.manage && (
          <span className={css.acts}>
            <IconButton icon="edit" label={g("rule.edit", { name: rule.name })} onClick={() => props.edit(rule)} />
            <IconButton icon="trash" label={g("rule.remove", { name: rule.name })} onClick={() => props.remove(rule)} />
          </span>
        )}
      </div>
      <Match rule={rule} keys={props.keys} />
    </li>
  );
}

/** Who a rule is about, in words; every condition must hold. */
function Match({ rule, keys }: { rule: Rule; keys: ApiKey[] }) {
  const { g } = useGateway();
  const value = (text: string) =>
    text === "*each" ? g("rule.each") : text === "*all" ? g("rule.together") : <code>{text}</code>;
  const names = rule.keys.map((id) => keys.find((key) => key.id === id)?.name ?? id);
  const metadata = Object.entries(rule.metadata);
  const any = names.length + rule.models.length + metadata.length > 0 || rule.user !== "";
  return (
    <div className={own.match}>
      {!any && <span>{g("rule.everything")}</span>}
      {names.length > 0 && (
        <span>
          {g("rule.keysAre")} {names.join(", ")}
        </span>
      )}
      {rule.models.length > 0 && (
        <span>
          {g("policy.models")} <code>{rule.models.join(", ")}</code>
        </span>
      )}
      {rule.user !== "" && (
        <span>
          {g("scope.user")} {value(rule.user)}
        </span>
      )}
      {metadata.map(([name, text]) => (
        <span key={name}>
          <code>{name}</code> {value(text)}
        </span>
      ))}
    </div>
  );
}

function RemoveRule({ rule, onClose }: { rule: Rule; onClose: () => void }) {
  const { g } = useGateway();
  const { project } = useProject();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => removeRule(project.id, rule.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: rulesQuery(project.id).queryKey });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={g("rule.remove", { name: rule.name })}
      action={g("rule.removeAction")}
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p>{g("rule.removeText")}</p>
      {remove.error && <ErrorPanel error={remove.error} />}
    </ConfirmDialog>
  );
}
