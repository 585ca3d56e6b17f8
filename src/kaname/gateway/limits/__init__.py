"""Limits and budgets of the gateway: who may call what, how often, and for how much."""
