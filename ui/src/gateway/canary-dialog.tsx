/** Asks before a person moves a canary: what will happen to callers, and why it is done. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, TextInput } from "../ui/field.tsx";
import { ErrorPanel } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { statusQuery } from "./api.ts";
import { actOnCanary, type Canary, type CanaryAct, canariesQuery } from "./canaries-api.ts";
import gateway from "./gateway.module.css";
import { percent } from "./numbers.ts";
import { useGateway } from "./text/index.ts";

export function CanaryDialog({ canary, act, onClose }: { canary: Canary; act: CanaryAct; onClose: () => void }) {
  const { g, t } = useGateway();
  const client = useQueryClient();
  const toast = useToast();
  const [message, setMessage] = useState("");
  const move = useMutation({
    mutationFn: () => actOnCanary(canary.id, act, message.trim()),
    onSuccess: async (moved) => {
      toast(g(`canaryDone.${act}`, { arm: moved.arm, share: percent(moved.share) }));
      onClose();
      await client.invalidateQueries({ queryKey: canariesQuery.queryKey });
      await client.invalidateQueries({ queryKey: statusQuery.queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    move.mutate();
  };
  const next = canary.steps[canary.step + 1] ?? 100;
  const first = canary.steps[0] ?? 0;
  const share = percent((act === "promote" ? next : act === "restart" ? first : 100) / 100);
  return (
    <Dialog title={g(`canaryAsk.${act}`, { arm: canary.arm, share })} onClose={onClose}>
      <form className={gateway.stack} onSubmit={submit}>
        <p>{g(`canaryAsk.${act}Text`, { arm: canary.arm, share, others: canary.stable_arms.join(", ") })}</p>
        <Field label={g("save.message")}>
          <TextInput maxLength={500} value={message} onChange={(e) => setMessage(e.target.value)} />
        </Field>
        {move.error && <ErrorPanel error={move.error} />}
        <div className={gateway.actions}>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant={act === "rollback" ? "danger" : "primary"} busy={move.isPending}>
            {g(`canaryDo.${act}`, { share })}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
