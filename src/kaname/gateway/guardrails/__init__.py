"""Guardrails: what goes to a model and what comes back is checked, masked or stopped. One file a kind of guard."""
