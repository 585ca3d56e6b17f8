/** One trace: its skeleton, its transcript, the detail of one span, and judging it. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, answerAs, api, projectPath } from "../api/http.ts";
import type { NewScore, Score, SpanDetail, Transcript } from "../api/types.ts";

export const skeletonQuery = (project: string, trace: string) =>
  queryOptions({
    queryKey: ["trace", project, trace],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/projects/{project_id}/traces/{trace_id}", {
          params: { path: { project_id: project, trace_id: trace } },
          signal,
        }),
      ),
    // A skeleton can be large and hardly changes: structural sharing would compare 100k rows.
    structuralSharing: false,
    staleTime: 30_000,
  });

/** `at` is about when the trace was: it spares the server a look through all time. */
export const spanDetailQuery = (project: string, trace: string, span: string, at?: string) =>
  queryOptions({
    queryKey: ["span", project, trace, span],
    queryFn: ({ signal }) =>
      answerAs<SpanDetail>(
        api.GET("/api/v1/projects/{project_id}/traces/{trace_id}/spans/{span_id}", {
          params: {
            path: { project_id: project, trace_id: trace, span_id: span },
            query: at ? { at } : {},
          },
          signal,
        }),
      ),
    staleTime: 30_000,
    structuralSharing: false,
  });

/** `history` repeats the messages that earlier turns already showed, marked as not new. */
export const transcriptQuery = (project: string, trace: string, history: boolean) =>
  queryOptions({
    queryKey: ["transcript", project, trace, history],
    queryFn: ({ signal }) =>
      answerAs<Transcript>(
        api.GET("/api/v1/projects/{project_id}/traces/{trace_id}/transcript", {
          params: { path: { project_id: project, trace_id: trace }, query: { history } },
          signal,
        }),
      ),
    structuralSharing: false,
  });

export const payloadUrl = (project: string, trace: string, span: string, field: "input" | "output"): string =>
  projectPath(project, `traces/${trace}/spans/${span}/payload/${field}`);

/** What a person says about a span; the rest of a score is known. */
export type Judgement = Omit<NewScore, "data_type" | "target" | "source"> & { data_type: Score["data_type"] };

const VISIBLE_AFTER_MS = 1500;

/** Adds a score to a span; the detail shows it before the server has answered. */
export function useScoring(project: string, trace: string, span: string) {
  const client = useQueryClient();
  const key = spanDetailQuery(project, trace, span).queryKey;
  // A score travels through the journal: asked at once, the server may not show it yet, and it would flicker.
  const refresh = () => setTimeout(refreshNow, VISIBLE_AFTER_MS);
  const refreshNow = () => {
    void client.invalidateQueries({ queryKey: key });
    void client.invalidateQueries({ queryKey: ["trace", project, trace] });
    void client.invalidateQueries({ queryKey: ["spans", project] });
    void client.invalidateQueries({ queryKey: ["scores", project] });
  };
  const add = useMutation({
    mutationFn: (score: Judgement) =>
      answer(
        api.POST("/api/v1/projects/{project_id}/scores", {
          params: { path: { project_id: project } },
          body: { ...score, source: "human", target: { trace_id: trace, span_id: span } },
        }),
      ),
    onMutate: async (score) => {
      await client.cancelQueries({ queryKey: key });
      const before = client.getQueryData(key);
      client.setQueryData(key, (old) => old && { ...old, scores: [...old.scores, pending(score, trace, span)] });
      return { before };
    },
    onError: (_error, _score, context) => client.setQueryData(key, context?.before),
    onSuccess: (saved) => {
      client.setQueryData(
        key,
        (old) => old && { ...old, scores: [...old.scores.filter((score) => score.id !== PENDING), saved] },
      );
      refresh();
    },
  });
  const remove = useMutation({
    mutationFn: (id: string) =>
      answer(
        api.DELETE("/api/v1/projects/{project_id}/scores/{score_id}", {
          params: { path: { project_id: project, score_id: id } },
        }),
      ),
    onMutate: (id) =>
      client.setQueryData(key, (old) => old && { ...old, scores: old.scores.filter((score) => score.id !== id) }),
    onSettled: refresh,
  });
  return { add, remove };
}

export const PENDING = "pending";

function pending(score: Judgement, trace: string, span: string): Score {
  return {
    id: PENDING,
    name: score.name,
    data_type: score.data_type,
    value: score.value == null ? null : Number(score.value),
    label: score.label ?? null,
    text: score.text ?? null,
    source: "human",
    author_id: "",
    author_name: "",
    explanation: score.explanation ?? "",
    target: "span",
    trace_id: trace,
    span_id: span,
    session_id: "",
    environment: "default",
    metadata: {},
    execution_trace_id: "",
    created_at: new Date().toISOString(),
  };
}
