/**
 * The edited but unsaved configuration: one for the graph and the YAML editor, kept while the reader moves between
 * screens, and undone step by step. It remembers the text that it began with, so that saving can't overwrite what
 * somebody else saved meanwhile.
 */
import { skipToken, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type ConfigView, configQuery, validationQuery } from "./api.ts";

export interface Draft {
  base: string;
  baseVersion: string;
  text: string;
  past: readonly string[];
  /** What the last edit was made at: further ones at the same place are one step. */
  place: string;
}

const KEY = ["gateway-draft"] as const;
const MOST_STEPS = 100;

export interface DraftView {
  config: ConfigView | undefined;
  error: unknown;
  refetch: () => void;
  /** What the screens show: the draft, or the file where nothing was edited. */
  text: string;
  base: string;
  baseVersion: string;
  changed: boolean;
  /** The file changed after the draft began. */
  behind: boolean;
  canUndo: boolean;
  edit: (text: string, place?: string) => void;
  undo: () => void;
  discard: () => void;
  /** Goes on with `text` on top of the file as it is now. */
  rebase: (onto: ConfigView, text: string) => void;
}

export function useDraft(): DraftView {
  const client = useQueryClient();
  const config = useQuery(configQuery);
  const stored = useQuery<Draft | null>({
    queryKey: KEY,
    queryFn: skipToken,
    initialData: null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  });
  const draft = stored.data ?? null;
  const put = (next: Draft | null) => client.setQueryData<Draft | null>(KEY, next);
  const current = () => client.getQueryData<Draft | null>(KEY) ?? null;
  const file = config.data;
  const text = draft?.text ?? file?.text ?? "";
  return {
    config: file,
    error: config.error,
    refetch: () => void config.refetch(),
    text,
    base: draft?.base ?? file?.text ?? "",
    baseVersion: draft?.baseVersion ?? file?.text_version ?? "",
    changed: draft !== null && draft.text !== draft.base,
    behind:
      draft !== null && draft.text !== draft.base && file !== undefined && file.text_version !== draft.baseVersion,
    canUndo: (draft?.past.length ?? 0) > 0,
    edit: (next, place = "") => {
      const now = current() ?? { base: text, baseVersion: file?.text_version ?? "", text, past: [], place: "" };
      if (next === now.text) return;
      const same = place !== "" && place === now.place;
      const past = same ? now.past : [...now.past.slice(-MOST_STEPS), now.text];
      put({ ...now, text: next, past, place });
    },
    undo: () => {
      const now = current();
      const last = now?.past.at(-1);
      if (!now || last === undefined) return;
      put(
        now.past.length === 1 && last === now.base
          ? null
          : { ...now, text: last, past: now.past.slice(0, -1), place: "" },
      );
    },
    discard: () => put(null),
    rebase: (onto, next) =>
      put(
        next === onto.text
          ? null
          : { base: onto.text, baseVersion: onto.text_version, text: next, past: [], place: "" },
      ),
  };
}

const TYPING_MS = 350;

/** What the server says about a text, once typing pauses. */
export function useValidation(text: string, enabled: boolean) {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const validation = useQuery({ ...validationQuery(settled), enabled });
  const waiting = enabled && (settled !== text || validation.isPending);
  return { problem: waiting ? null : (validation.data?.problem ?? null), waiting, error: validation.error };
}
