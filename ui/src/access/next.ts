/** Only a path on this site: a link must not send the reader elsewhere after signing in. */
export const safeNext = (next: string | undefined): string =>
  next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/";
