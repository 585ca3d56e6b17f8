"""Gemini's `generateContent` as an upstream format: what the hub says in it, and back."""
