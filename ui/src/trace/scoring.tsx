/** Judging a span: keys 1–9, thumbs, a full score form, a correction of the output. */
import { type FormEvent, useState } from "react";
import { useProject } from "../access/project.tsx";
import type { ScoreDataType, SpanDetail } from "../api/types.ts";
import { useLocale } from "../i18n/index.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Segmented, TextArea, TextInput } from "../ui/field.tsx";
import { useKeys } from "../ui/keys.tsx";
import { Badge, scoreText } from "../ui/marks.tsx";
import { Empty, ErrorLine, ErrorPanel } from "../ui/state.tsx";
import { useToast } from "../ui/toast.tsx";
import { type Judgement, PENDING, useScoring } from "./api.ts";
import { editableText } from "./messages.ts";
import css from "./scoring.module.css";

const THUMBS = "thumbs";
const CORRECTION = "correction";
const storedName = (): string => localStorage.getItem("kaname.score-name") || "quality";

interface Props {
  project: string;
  span: SpanDetail;
}

function useJudge({ project, span }: Props) {
  const { t } = useLocale();
  const toast = useToast();
  const { can } = useProject();
  const { add, remove } = useScoring(project, span.trace_id, span.span_id);
  const judge = (score: Judgement, done?: () => void) =>
    add.mutate(score, {
      onSuccess: (saved) => {
        const text = t("score.added", { name: score.name, value: scoreText(saved) });
        toast(text, can("scores:delete") ? { undo: () => remove.mutate(saved.id) } : {});
        done?.();
      },
      onError: (error) => toast(<ErrorLine error={error} />, { tone: "error" }),
    });
  return { judge, add, remove };
}

/** The strip below every span: one key or one click. */
export function ScoreBar(props: Props) {
  const { t } = useLocale();
  const { can } = useProject();
  const { judge } = useJudge(props);
  const [form, setForm] = useState<"score" | "correction" | null>(null);
  const name = storedName();
  const allowed = can("scores:write");
  const numeric = (value: number) => judge({ name, data_type: "numeric", value });
  const thumb = (value: 0 | 1) => judge({ name: THUMBS, data_type: "boolean", value });
  useKeys(
    allowed
      ? [
          { keys: "1-9", label: "keys.score", run: (event) => numeric(Number(event.key)) },
          { keys: "s", label: "keys.scoreForm", run: () => setForm("score") },
          { keys: "e", label: "keys.correct", run: () => setForm("correction") },
          { keys: "+", label: "keys.thumbUp", run: () => thumb(1) },
          { keys: "-", label: "keys.thumbDown", run: () => thumb(0) },
        ]
      : [],
  );
  if (!allowed) return null;
  return (
    <footer className={css.bar}>
      <IconButton icon="thumbUp" label={t("keys.thumbUp")} onClick={() => thumb(1)} />
      <IconButton icon="thumbDown" label={t("keys.thumbDown")} onClick={() => thumb(0)} />
      <span className={css.hint}>{t("score.hint", { name })}</span>
      <Button icon="plus" onClick={() => setForm("score")}>
        {t("score.add")}
      </Button>
      <Button icon="edit" onClick={() => setForm("correction")}>
        {t("score.correct")}
      </Button>
      {form === "score" && <ScoreForm {...props} onClose={() => setForm(null)} />}
      {form === "correction" && <CorrectionForm {...props} onClose={() => setForm(null)} />}
    </footer>
  );
}

const TYPES: ScoreDataType[] = ["numeric", "boolean", "categorical", "text"];

function ScoreForm(props: Props & { onClose: () => void }) {
  const { t } = useLocale();
  const { judge, add } = useJudge(props);
  const [name, setName] = useState(storedName);
  const [type, setType] = useState<ScoreDataType>("numeric");
  const [value, setValue] = useState("");
  const [explanation, setExplanation] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (type === "numeric") localStorage.setItem("kaname.score-name", name);
    const score: Judgement = { name, data_type: type };
    if (type === "numeric") score.value = Number(value);
    else if (type === "boolean") score.value = value === "false" ? 0 : 1;
    else if (type === "categorical") score.label = value;
    else score.text = value;
    if (explanation) score.explanation = explanation;
    judge(score, props.onClose);
  };
  return (
    <Dialog title={t("score.title")} onClose={props.onClose}>
      <form className={css.form} onSubmit={submit}>
        <Field label={t("score.name")} hint={t("score.nameHint")}>
          <TextInput required value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Segmented
          label={t("score.type")}
          value={type}
          options={TYPES.map((value) => ({ value, label: t(`scoreType.${value}`) }))}
          onChange={(next) => {
            setType(next);
            setValue(next === "boolean" ? "true" : "");
          }}
        />
        {type === "boolean" ? (
          <Segmented
            label={t("score.value")}
            value={value}
            options={[
              { value: "true", label: t("score.yes") },
              { value: "false", label: t("score.no") },
            ]}
            onChange={setValue}
          />
        ) : (
          <Field label={t("score.value")}>
            <TextInput
              required
              type={type === "numeric" ? "number" : "text"}
              step="any"
              value={value}
              onChange={(e) => setValue(e.target.value)}
            />
          </Field>
        )}
        <Field label={t("score.explanation")}>
          <TextArea rows={3} value={explanation} onChange={(e) => setExplanation(e.target.value)} />
        </Field>
        {add.isError && <ErrorPanel error={add.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" busy={add.isPending}>
            {t("score.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function CorrectionForm(props: Props & { onClose: () => void }) {
  const { t } = useLocale();
  const { judge, add } = useJudge(props);
  const original = editableText(props.span.output, props.span.output_messages);
  const [text, setText] = useState(original);
  const [explanation, setExplanation] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const score: Judgement = { name: CORRECTION, data_type: "correction", text };
    if (explanation) score.explanation = explanation;
    judge(score, props.onClose);
  };
  return (
    <Dialog title={t("score.correctTitle")} onClose={props.onClose} wide>
      <form className={css.form} onSubmit={submit}>
        <p className={css.lead}>{t("score.correctLead")}</p>
        <Field label={t("score.betterOutput")}>
          <TextArea rows={12} value={text} onChange={(e) => setText(e.target.value)} />
        </Field>
        <Field label={t("score.explanation")}>
          <TextInput value={explanation} onChange={(e) => setExplanation(e.target.value)} />
        </Field>
        {add.isError && <ErrorPanel error={add.error} />}
        <div className={css.actions}>
          <Button onClick={props.onClose}>{t("ui.cancel")}</Button>
          <Button type="submit" variant="primary" disabled={text === original} busy={add.isPending}>
            {t("score.saveCorrection")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function ScoreList(props: Props) {
  const { t, fmt } = useLocale();
  const { can } = useProject();
  const { remove } = useJudge(props);
  const { scores } = props.span;
  if (scores.length === 0)
    return (
      <Empty icon="scores" title={t("score.none")}>
        <p>{t("score.noneText")}</p>
      </Empty>
    );
  return (
    <ul className={css.list}>
      {scores.map((score) => (
        <li key={score.id}>
          <div className={css.line}>
            <strong>{score.name}</strong>
            {score.data_type !== "correction" && <span className={css.value}>{scoreText(score)}</span>}
            <Badge>{t(`source.${score.source}`)}</Badge>
            <span className={css.quiet}>{score.author_name}</span>
            <span className={css.quiet}>{fmt.dateTime(score.created_at)}</span>
            {score.id !== PENDING && can("scores:delete") && (
              <span className={css.end}>
                <IconButton
                  icon="trash"
                  label={t("score.delete", { name: score.name })}
                  onClick={() => remove.mutate(score.id)}
                />
              </span>
            )}
          </div>
          {score.text && <p className={css.text}>{score.text}</p>}
          {score.explanation && <p className={css.quiet}>{score.explanation}</p>}
        </li>
      ))}
    </ul>
  );
}
