"""Every kind of guard by its name in the configuration. Third parties: entry-point group `kaname.guardrail`."""

from typing import Final

from kaname.gateway.guardrails.injection import INJECTION
from kaname.gateway.guardrails.judge import JUDGE
from kaname.gateway.guardrails.keywords import KEYWORDS
from kaname.gateway.guardrails.length import LENGTH
from kaname.gateway.guardrails.max_cost import MAX_COST
from kaname.gateway.guardrails.model import GuardKind
from kaname.gateway.guardrails.pii import PII, PII_BLOCK, PII_MASK
from kaname.gateway.guardrails.regex import REGEX
from kaname.gateway.guardrails.schema import SCHEMA
from kaname.gateway.guardrails.secrets import SECRETS
from kaname.kernel.registry import Registry

GUARD_KINDS: Final[Registry[GuardKind]] = Registry("guardrail")
for _kind in (PII, PII_MASK, PII_BLOCK, SECRETS, INJECTION, KEYWORDS, REGEX, SCHEMA, JUDGE, MAX_COST, LENGTH):
    GUARD_KINDS.register(_kind.name, _kind)
