"""Engines that serve a model as OpenAI-compatible HTTP on a loopback port, one folder entry a kind."""
