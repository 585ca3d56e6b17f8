"""Mistral's own chat completions: OpenAI's, but for names, ids and content in chunks."""
