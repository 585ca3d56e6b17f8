"""Fixtures of access for this folder."""

from fixtures_access import access, clock, owner, scope_of, site

__all__ = ["access", "clock", "owner", "scope_of", "site"]
