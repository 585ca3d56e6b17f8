"""Traces: OTLP ingest, dialects, the span store, search, sessions, scores, live view."""
