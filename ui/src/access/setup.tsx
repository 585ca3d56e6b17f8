/** First run: the one-time link that the server printed makes the first account, organization and project. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useLocale } from "../i18n/index.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { acceptInvite, authStateQuery, meQuery, setUp } from "./api.ts";
import { AccessCard } from "./card.tsx";
import { firstProject } from "./project.tsx";

const MIN_PASSWORD = 10;

function useEntered() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async (me: Awaited<ReturnType<typeof setUp>>, start: boolean) => {
    client.setQueryData(meQuery.queryKey, me);
    await client.invalidateQueries({ queryKey: authStateQuery.queryKey });
    const project = firstProject(me);
    if (project && start) await navigate({ to: "/p/$project/start", params: { project: project.id }, replace: true });
    else await navigate({ to: "/", replace: true });
  };
}

export function Setup() {
  const { t } = useLocale();
  const entered = useEntered();
  const linkToken = useSearch({ strict: false, select: (search) => (search as { token?: string }).token ?? "" });
  const [form, setForm] = useState({ name: "", email: "", password: "", organization: "", project: "", token: "" });
  const set = (key: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm({ ...form, [key]: event.target.value });
  const setup = useMutation({ mutationFn: setUp, onSuccess: (me) => entered(me, true) });
  return (
    <AccessCard
      title={t("setup.title")}
      lead={t("setup.lead")}
      action={t("setup.action")}
      busy={setup.isPending}
      error={setup.error}
      onSubmit={() =>
        setup.mutate({
          token: linkToken || form.token,
          email: form.email,
          name: form.name,
          password: form.password,
          organization_name: form.organization || t("setup.organizationDefault"),
          project_name: form.project || t("setup.projectDefault"),
        })
      }
    >
      {linkToken === "" && (
        <Field label={t("setup.token")} hint={t("setup.tokenHint")}>
          <TextInput required value={form.token} onChange={set("token")} />
        </Field>
      )}
      <Field label={t("field.name")}>
        <TextInput required autoComplete="name" value={form.name} onChange={set("name")} />
      </Field>
      <Field label={t("field.email")}>
        <TextInput type="email" required autoComplete="username" value={form.email} onChange={set("email")} />
      </Field>
      <Field label={t("field.password")} hint={t("field.passwordHint", { n: MIN_PASSWORD })}>
        <TextInput
          type="password"
          required
          minLength={MIN_PASSWORD}
          autoComplete="new-password"
          value={form.password}
          onChange={set("password")}
        />
      </Field>
      <Field label={t("setup.organization")}>
        <TextInput
          placeholder={t("setup.organizationDefault")}
          value={form.organization}
          onChange={set("organization")}
        />
      </Field>
      <Field label={t("setup.project")}>
        <TextInput placeholder={t("setup.projectDefault")} value={form.project} onChange={set("project")} />
      </Field>
    </AccessCard>
  );
}

export function Invite() {
  const { t } = useLocale();
  const entered = useEntered();
  const token = useSearch({ strict: false, select: (search) => (search as { token?: string }).token ?? "" });
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const accept = useMutation({ mutationFn: acceptInvite, onSuccess: (me) => entered(me, false) });
  return (
    <AccessCard
      title={t("invite.title")}
      lead={t("invite.lead")}
      action={t("invite.action")}
      busy={accept.isPending}
      error={accept.error}
      onSubmit={() => accept.mutate({ token, name, password })}
    >
      <Field label={t("field.name")}>
        <TextInput required autoComplete="name" value={name} onChange={(e) => setName(e.target.value)} />
      </Field>
      <Field label={t("field.password")} hint={t("field.passwordHint", { n: MIN_PASSWORD })}>
        <TextInput
          type="password"
          required
          minLength={MIN_PASSWORD}
          autoComplete="new-password"
          value={password}
          onChange={(e) => setPassword(e.target.value)}
        />
      </Field>
    </AccessCard>
  );
}
