"""Personal data: found by `kaname.privacy`, masked with placeholders that the answer gets back, or refused.

`pii_mask` and `pii_block` are the same with another first action. Names of persons are found only where a title or a
label announces them, so `PERSON` must be asked for by name.
"""

from dataclasses import replace

from kaname.gateway.guardrails.model import GuardKind, Options, Side
from kaname.privacy.engine import THRESHOLD, Engine
from kaname.privacy.recognisers.registry import RECOGNISERS

_NOT_BY_DEFAULT = frozenset({"PERSON", "SECRET", "URL_CREDENTIALS"})


def _known() -> list[str]:
    return sorted({kind for _, recogniser in RECOGNISERS.items() for kind in recogniser.kinds})


def _build(options: Options, side: Side) -> Engine:
    known = _known()
    kinds = [word.upper() for word in options.words("kinds")] or [kind for kind in known if kind not in _NOT_BY_DEFAULT]
    for kind in kinds:
        if kind not in known:
            raise options.refuse("kinds", f"{kind!r} isn't a kind of personal data", f"Known: {', '.join(known)}.")
    return Engine(kinds, options.number("threshold", 0.1, 1.0, THRESHOLD))


PII = GuardKind(
    name="pii",
    build=_build,
    options=("kinds", "threshold"),
    main="kinds",
    actions=("mask", "block", "replace", "observe"),
    sensitive=True,
)
PII_MASK = replace(PII, name="pii_mask")
PII_BLOCK = replace(PII, name="pii_block", actions=("block", "mask", "replace", "observe"))
