/** The live stream of spans: what is shown, what waits, and the connection's state. */
import { useCallback, useEffect, useRef, useState } from "react";
import { projectPath } from "../api/http.ts";
import type { SpanSummary } from "../api/types.ts";
import { type Filter, spanQuery } from "../traces/url.ts";

export type StreamState = "connecting" | "open" | "broken";

/** The page keeps this many rows; older ones are in the traces table. */
export const KEPT = 2000;

export interface Buffer {
  shown: SpanSummary[];
  waiting: SpanSummary[];
}

const keyOf = (span: SpanSummary): string => `${span.trace_id}.${span.span_id}`;

/** Newest first. While held, arrivals wait; a span that comes twice counts once. */
export function receive(buffer: Buffer, arrived: SpanSummary[], held: boolean): Buffer {
  const known = new Set([...buffer.shown, ...buffer.waiting].map(keyOf));
  const fresh = arrived.filter((span) => !known.has(keyOf(span))).reverse();
  if (fresh.length === 0) return buffer;
  if (held) return { shown: buffer.shown, waiting: [...fresh, ...buffer.waiting].slice(0, KEPT) };
  return { shown: [...fresh, ...buffer.waiting, ...buffer.shown].slice(0, KEPT), waiting: [] };
}

export const release = (buffer: Buffer): Buffer => ({
  shown: [...buffer.waiting, ...buffer.shown].slice(0, KEPT),
  waiting: [],
});

/** The server sends only what passes; another filter is another stream. */
export function useLiveSpans(project: string, filters: Filter[], q: string | undefined, held: boolean) {
  const [buffer, setBuffer] = useState<Buffer>({ shown: [], waiting: [] });
  const [state, setState] = useState<StreamState>("connecting");
  const holding = useRef(held);
  holding.current = held;
  const { filter } = spanQuery({ f: filters, range: "all" }, 0);
  const url = projectPath(project, `live?${new URLSearchParams({ ...(filter && { filter }), ...(q && { q }) })}`);
  useEffect(() => {
    setBuffer({ shown: [], waiting: [] });
    setState("connecting");
    const source = new EventSource(url);
    source.addEventListener("open", () => setState("open"));
    // The browser reconnects by itself.
    source.addEventListener("error", () =>
      setState(source.readyState === EventSource.CLOSED ? "broken" : "connecting"),
    );
    source.addEventListener("spans", (event) => {
      const spans = JSON.parse(event.data as string) as SpanSummary[];
      setBuffer((now) => receive(now, spans, holding.current));
    });
    return () => source.close();
  }, [url]);
  const show = useCallback(() => setBuffer(release), []);
  return { ...buffer, state, show };
}
