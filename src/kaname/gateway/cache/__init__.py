"""Answers that are given again: exact and semantic cache, single flight, idempotency keys."""
