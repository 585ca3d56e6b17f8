"""Every kind of guard by its name in the configuration. Third parties: entry-point group `kaname.guardrail`.

A kind is imported when a configuration first names it: their rules and engines take longer to load than the rest of a
gateway that has no guards.
"""

from typing import Final

from kaname.gateway.guardrails.model import GuardKind
from kaname.kernel.registry import Registry

GUARD_KINDS: Final[Registry[GuardKind]] = Registry("guardrail")
for _name, _place in (
    ("pii", "pii:PII"),
    ("pii_mask", "pii:PII_MASK"),
    ("pii_block", "pii:PII_BLOCK"),
    ("secrets", "secrets:SECRETS"),
    ("injection", "injection:INJECTION"),
    ("keywords", "keywords:KEYWORDS"),
    ("regex", "regex:REGEX"),
    ("schema", "schema:SCHEMA"),
    ("judge", "judge:JUDGE"),
    ("max_cost", "max_cost:MAX_COST"),
    ("length", "length:LENGTH"),
):
    GUARD_KINDS.register_at(_name, f"kaname.gateway.guardrails.{_place}")
