"""Anthropic Messages as a client format: requests for other targets, and their answers."""
