"""Splits that let a new arm in step by step, and take it out again when a guard finds it harmful (ADR 0067)."""
