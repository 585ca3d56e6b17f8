"""Keys, tokens, private keys, and passwords in URLs: what `kaname.privacy` knows of vendors' formats."""

from kaname.gateway.guardrails.model import GuardKind, Options, Side
from kaname.privacy.engine import THRESHOLD, Engine

_KINDS = ("SECRET", "URL_CREDENTIALS")


def _build(options: Options, side: Side) -> Engine:
    return Engine(_KINDS, options.number("threshold", 0.1, 1.0, THRESHOLD))


SECRETS = GuardKind(
    name="secrets",
    build=_build,
    options=("threshold",),
    actions=("block", "mask", "replace", "observe"),
    sensitive=True,
)
