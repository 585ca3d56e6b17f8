/**
 * One way to call the server: typed by its OpenAPI, same-origin, with the session cookie and the CSRF token.
 *
 * Every failure becomes an `ApiError` that carries what the server's problem+json said, so that a screen can show what
 * happened, why, and the way out.
 */
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema.d.ts";

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  hint: string;
  param?: string | undefined;
  /** The values that the code's text names (`i18n/errors.ts`). */
  params?: Record<string, string | number> | undefined;
  request_id: string;
}

export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
}

/** Set from `Me` after each sign-in; sent with every unsafe method. */
const csrf = { token: "" };
export const rememberCsrf = (token: string | null) => {
  csrf.token = token ?? "";
};

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

const rules: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("x-csrf-token", csrf.token);
  },
  async onResponse({ response }) {
    if (!response.ok) throw new ApiError(await readProblem(response));
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return error;
    return new ApiError({ status: 0, code: "unreachable", title: "", detail: "", hint: "", request_id: "" });
  },
};

export const api = createClient<paths>({ credentials: "same-origin" });
api.use(rules);

/** What a call answered. Failures were thrown already. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

/** As `answer`, for the shapes whose JSON values OpenAPI can't describe (see `types.ts`). */
export async function answerAs<T>(call: Promise<{ data?: unknown }>): Promise<T> {
  return (await call).data as T;
}

/** For links and streams, which no client fetches. */
export const projectPath = (project: string, rest: string): string =>
  `/api/v1/projects/${encodeURIComponent(project)}/${rest}`;
