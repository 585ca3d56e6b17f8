/** Personal tokens and the account: for command lines and scripts that act as the signed-in person. */
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { PersonalToken } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button } from "../ui/button.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { createToken, removeToken, renameToken, tokensQuery, updateMe } from "./api.ts";
import { type CredentialKind, CredentialScreen } from "./credentials.tsx";
import css from "./settings.module.css";

const TOKENS: CredentialKind<PersonalToken> = {
  kind: "tokens",
  icon: "token",
  publicId: (token) => token.public_id,
  queryKey: tokensQuery.queryKey,
  create: async (draft) => ({ secret: (await createToken(draft)).token }),
  rename: renameToken,
  revoke: removeToken,
};

export default function TokensScreen() {
  const list = useInfiniteQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  return (
    <CredentialScreen of={TOKENS} list={list} manage creating={creating} onCreating={setCreating}>
      <Password />
    </CredentialScreen>
  );
}

function Password() {
  const { t } = useLocale();
  const { me } = useProject();
  const toast = useToast();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const change = useMutation({
    mutationFn: () => updateMe({ password, current_password: current }),
    onSuccess: () => {
      setCurrent("");
      setPassword("");
      toast(t("account.changed"));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <section className={css.section}>
      <h2>{t("account.title")}</h2>
      <form className={css.narrow} onSubmit={submit}>
        <div className={css.form}>
          <input type="hidden" autoComplete="username" value={me.user?.email ?? ""} readOnly />
          <Field label={t("account.current")}>
            <TextInput
              type="password"
              required
              autoComplete="current-password"
              value={current}
              onChange={(e) => setCurrent(e.target.value)}
            />
          </Field>
          <Field label={t("account.next")} hint={t("field.passwordHint", { n: 10 })}>
            <TextInput
              type="password"
              required
              minLength={10}
              autoComplete="new-password"
              value={password}
              onChange={(e) => setPassword(e.target.value)}
            />
          </Field>
          {change.error && <ErrorPanel error={change.error} />}
          <div>
            <Button type="submit" busy={change.isPending}>
              {t("account.change")}
            </Button>
          </div>
        </div>
      </form>
    </section>
  );
}
