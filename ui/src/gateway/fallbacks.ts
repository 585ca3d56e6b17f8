/** What a step falls back for, and by which key of the configuration. */
export const FALLBACKS = ["fallback", "context_fallback", "content_fallback"] as const;
export type FallbackKind = (typeof FALLBACKS)[number];
