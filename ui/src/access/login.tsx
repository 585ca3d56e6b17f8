/** Sign in with e-mail and password. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { authStateQuery, logIn, meQuery } from "./api.ts";
import { AccessCard } from "./card.tsx";
import { safeNext } from "./next.ts";

export default function Login() {
  const { t } = useLocale();
  const client = useQueryClient();
  const navigate = useNavigate();
  const next = useSearch({ strict: false, select: (search) => (search as { next?: string }).next });
  const state = useQuery(authStateQuery);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const login = useMutation({
    mutationFn: logIn,
    onSuccess: async (me) => {
      client.setQueryData(meQuery.queryKey, me);
      await navigate({ href: safeNext(next), replace: true });
    },
  });
  return (
    <AccessCard
      title={t("login.title")}
      lead={state.data?.setup_required ? t("login.setupRequired") : undefined}
      action={t("login.action")}
      busy={login.isPending}
      error={login.error}
      onSubmit={() => login.mutate({ email, password })}
    >
      <Field label={t("field.email")}>
        <TextInput
          type="email"
          required
          autoComplete="username"
          value={email}
          onChange={(e) => setEmail(e.target.value)}
        />
      </Field>
      <Field label={t("field.password")}>
        <TextInput
          type="password"
          required
          autoComplete="current-password"
          value={password}
          onChange={(e) => setPassword(e.target.value)}
        />
      </Field>
    </AccessCard>
  );
}
