"""Serving: models that run on this machine. Weights are fetched, verified, kept, and served by a child process."""
