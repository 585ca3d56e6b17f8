/** One call of `/v1/chat/completions`, whole or streamed, as its parts arrive. No React in here. */

export interface ChatRequest {
  model: string;
  system: string;
  message: string;
  stream: boolean;
  maxTokens: number | null;
  metadata: Record<string, string>;
}

export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
  prompt_tokens_details?: { cached_tokens?: number };
}

export interface WireError {
  message: string;
  code: string | null;
  param: string | null;
}

/** What is known of the call so far. */
export interface CallState {
  phase: "waiting" | "streaming" | "done" | "failed" | "stopped";
  status: number;
  text: string;
  reasoning: string;
  finish: string;
  usage: Usage | null;
  error: WireError | null;
  /** Milliseconds since the call began. */
  firstTokenMs: number | null;
  durationMs: number | null;
  headers: Record<string, string>;
}

export const EMPTY_CALL: CallState = {
  phase: "waiting",
  status: 0,
  text: "",
  reasoning: "",
  finish: "",
  usage: null,
  error: null,
  firstTokenMs: null,
  durationMs: null,
  headers: {},
};

export function requestBody(request: ChatRequest): Record<string, unknown> {
  return {
    model: request.model,
    messages: [
      ...(request.system.trim() ? [{ role: "system", content: request.system }] : []),
      { role: "user", content: request.message },
    ],
    ...(request.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...(request.maxTokens ? { max_tokens: request.maxTokens } : {}),
    ...(Object.keys(request.metadata).length > 0 ? { metadata: request.metadata } : {}),
  };
}

const MOST_CHARS = 400_000;

interface Piece {
  choices?: { delta?: Fragment; message?: Fragment; finish_reason?: string | null }[];
  usage?: Usage | null;
  error?: { message?: string; code?: string | null; param?: string | null };
}
interface Fragment {
  content?: string | null;
  reasoning_content?: string | null;
}

/** Takes in one event or the whole answer. Pure. */
export function takeIn(state: CallState, piece: Piece, elapsedMs: number): CallState {
  if (piece.error)
    return {
      ...state,
      phase: "failed",
      error: {
        message: piece.error.message ?? "",
        code: piece.error.code ?? null,
        param: piece.error.param ?? null,
      },
    };
  const choice = piece.choices?.[0];
  const fragment = choice?.delta ?? choice?.message;
  const text = fragment?.content ?? "";
  const reasoning = fragment?.reasoning_content ?? "";
  return {
    ...state,
    text: (state.text + text).slice(0, MOST_CHARS),
    reasoning: (state.reasoning + reasoning).slice(0, MOST_CHARS),
    finish: choice?.finish_reason ?? state.finish,
    usage: piece.usage ?? state.usage,
    firstTokenMs: state.firstTokenMs ?? (text || reasoning ? elapsedMs : null),
  };
}

/** The data of the whole events in a buffer, and what is left of it. Pure. */
export function cutEvents(buffer: string): { events: string[]; rest: string } {
  const parts = buffer.split(/\r?\n\r?\n/);
  const rest = parts.pop() ?? "";
  const events = parts.flatMap((part) => {
    const data = part
      .split(/\r?\n/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trimStart())
      .join("\n");
    return data === "" ? [] : [data];
  });
  return { events, rest };
}

function parse(text: string): Piece {
  try {
    return JSON.parse(text) as Piece;
  } catch {
    return { error: { message: text.slice(0, 500), code: "not_json", param: null } };
  }
}

export async function runCall(
  request: ChatRequest,
  key: string,
  signal: AbortSignal,
  onState: (state: CallState) => void,
): Promise<void> {
  const begun = performance.now();
  let state = EMPTY_CALL;
  const set = (next: CallState) => {
    state = next;
    onState(next);
  };
  const end = (phase: CallState["phase"]) => set({ ...state, phase, durationMs: performance.now() - begun });
  try {
    const response = await fetch("/v1/chat/completions", {
      method: "POST",
      // The key alone is what an application has; the session isn't sent.
      credentials: "omit",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(requestBody(request)),
      signal,
    });
    set({ ...state, status: response.status, headers: Object.fromEntries(response.headers), phase: "streaming" });
    const streamed = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
    if (!streamed || !response.body) {
      set(takeIn(state, parse(await response.text()), performance.now() - begun));
    } else {
      let rest = "";
      for await (const chunk of readText(response.body)) {
        const cut = cutEvents(rest + chunk);
        rest = cut.rest;
        for (const event of cut.events)
          if (event !== "[DONE]") state = takeIn(state, parse(event), performance.now() - begun);
        set(state);
      }
    }
    end(state.error ? "failed" : "done");
  } catch (error) {
    if (signal.aborted) return end("stopped");
    const message = error instanceof Error ? error.message : String(error);
    set({ ...state, error: { message, code: "unreachable", param: null } });
    end("failed");
  }
}

async function* readText(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
