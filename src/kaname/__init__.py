"""Kaname (要): the open LLMOps platform. See ARCHITECTURE.md for the map of the slices."""

__version__ = "0.1.0"
