/** One trace: its skeleton, its transcript, the detail of one span, and judging it. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { call, get, projectPath } from "../api/http.ts";
import type { Score, ScoreDataType, SpanDetail, TraceSkeleton, Transcript } from "../api/types.ts";

const tracePath = (project: string, trace: string, rest = ""): string =>
  projectPath(project, `traces/${encodeURIComponent(trace)}${rest}`);

export const skeletonQuery = (project: string, trace: string) =>
  queryOptions({
    queryKey: ["trace", project, trace],
    queryFn: ({ signal }) => get<TraceSkeleton>(tracePath(project, trace), {}, signal),
    // A skeleton can be large and hardly changes: structural sharing would compare 100k rows.
    structuralSharing: false,
    staleTime: 30_000,
  });

export const spanDetailQuery = (project: string, trace: string, span: string, at?: string) =>
  queryOptions({
    queryKey: ["span", project, trace, span],
    queryFn: ({ signal }) =>
      get<SpanDetail>(tracePath(project, trace, `/spans/${encodeURIComponent(span)}`), { at }, signal),
    staleTime: 30_000,
    structuralSharing: false,
  });

/** `history` repeats the messages that earlier turns already showed, marked as not new. */
export const transcriptQuery = (project: string, trace: string, history: boolean) =>
  queryOptions({
    queryKey: ["transcript", project, trace, history],
    queryFn: ({ signal }) =>
      get<Transcript>(tracePath(project, trace, "/transcript"), { history: history || undefined }, signal),
    structuralSharing: false,
  });

export const payloadUrl = (project: string, trace: string, span: string, field: "input" | "output"): string =>
  tracePath(project, trace, `/spans/${encodeURIComponent(span)}/payload/${field}`);

export interface NewScore {
  name: string;
  data_type: ScoreDataType;
  value?: number;
  label?: string;
  text?: string;
  explanation?: string;
}

/** Adds a score to a span; the detail shows it before the server has answered. */
export function useScoring(project: string, trace: string, span: string) {
  const client = useQueryClient();
  const key = spanDetailQuery(project, trace, span).queryKey;
  const refresh = () => {
    void client.invalidateQueries({ queryKey: key });
    void client.invalidateQueries({ queryKey: ["trace", project, trace] });
    void client.invalidateQueries({ queryKey: ["spans", project] });
    void client.invalidateQueries({ queryKey: ["scores", project] });
  };
  const add = useMutation({
    mutationFn: (score: NewScore) =>
      call<Score>("POST", projectPath(project, "scores"), {
        body: { ...score, source: "human", target: { trace_id: trace, span_id: span } },
      }),
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
    mutationFn: (id: string) => call<void>("DELETE", projectPath(project, `scores/${encodeURIComponent(id)}`)),
    onMutate: (id) =>
      client.setQueryData(key, (old) => old && { ...old, scores: old.scores.filter((score) => score.id !== id) }),
    onSettled: refresh,
  });
  return { add, remove };
}

export const PENDING = "pending";

function pending(score: NewScore, trace: string, span: string): Score {
  return {
    id: PENDING,
    name: score.name,
    data_type: score.data_type,
    value: score.value ?? null,
    label: score.label ?? null,
    text: score.text ?? null,
    source: "human",
    author_name: "",
    explanation: score.explanation ?? "",
    trace_id: trace,
    span_id: span,
    session_id: "",
    created_at: new Date().toISOString(),
  };
}
