"""Cohere's chat (v2) as an upstream format: what the hub says in it, and back."""
