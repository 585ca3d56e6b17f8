"""Configurations that came into force, and changing the one that is."""
