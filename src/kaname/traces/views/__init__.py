"""Saved views: named states of the traces list."""
