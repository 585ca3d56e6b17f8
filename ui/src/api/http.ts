/**
 * One way to call the server: same-origin JSON with the session cookie and the CSRF token.
 *
 * Every failure becomes an `ApiError` that carries what the server's problem+json said, so that a screen can show what
 * happened, why, and the way out.
 */

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  hint: string;
  param?: string | undefined;
  request_id: string;
}

export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

export type QueryValue = string | number | boolean | null | undefined | readonly string[];

interface CallOptions {
  query?: Record<string, QueryValue>;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** Set from `Me` after each sign-in; sent with every unsafe method. */
const csrf = { token: "" };
export const rememberCsrf = (token: string) => {
  csrf.token = token;
};

export function queryString(query: Record<string, QueryValue>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    params.set(key, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

async function readProblem(response: Response): Promise<Problem> {
  const fallback: Problem = {
    status: response.status,
    code: response.status === 502 || response.status === 504 ? "unavailable" : "internal_error",
    title: response.statusText,
    detail: "",
    hint: "",
    request_id: response.headers.get("x-request-id") ?? "",
  };
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return fallback;
  }
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") headers["x-csrf-token"] = csrf.token;
  if (options.body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.signal) init.signal = options.signal;
  let response: Response;
  try {
    response = await fetch(path + queryString(options.query ?? {}), init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError({ status: 0, code: "unreachable", title: "", detail: "", hint: "", request_id: "" });
  }
  if (!response.ok) throw new ApiError(await readProblem(response));
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

export const get = <T>(path: string, query?: Record<string, QueryValue>, signal?: AbortSignal): Promise<T> =>
  call<T>("GET", path, { query: query ?? {}, signal });

export const projectPath = (project: string, rest: string): string =>
  `/api/v1/projects/${encodeURIComponent(project)}/${rest}`;
