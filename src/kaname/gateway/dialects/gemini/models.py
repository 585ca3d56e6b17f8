"""How each generation of Gemini is made to think.

Facts from https://ai.google.dev/gemini-api/docs/generate-content/thinking. A name that isn't understood counts as
a model that thinks by level, as every model since Gemini 3 does.
"""

import re
from typing import Final, Literal, NamedTuple

Thinking = Literal["none", "budget", "level"]
BUDGETS: Final = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_NAME: Final = re.compile(r"gemini-(\d)(?:\.(\d))?(?:-(pro|flash-lite|flash))?")


class ThinkingTraits(NamedTuple):
    """How a model is told how much to think."""

    kind: Thinking
    off: bool = True
    """Whether it can be kept from thinking."""
    levels: tuple[str, ...] = ("minimal", "low", "medium", "high")
    """Weakest first."""

    def level(self, wanted: str) -> str:
        """The level next to the one that is wanted, rather more than less."""
        order = ("minimal", "low", "medium", "high", "xhigh", "max")
        reached = order.index(wanted)
        return next((level for level in self.levels if order.index(level) >= reached), self.levels[-1])


def thinking_of(model: str) -> ThinkingTraits:
    """The traits of a model by its name."""
    if model.startswith("gemma"):
        return ThinkingTraits("none")
    found = _NAME.search(model)
    if found is None:
        return ThinkingTraits("level", off=False)
    version = (int(found[1]), int(found[2] or 0))
    pro = found[3] == "pro"
    if version < (2, 5):
        return ThinkingTraits("none")
    if version < (3, 0):
        return ThinkingTraits("budget", off=not pro)
    if not pro:
        return ThinkingTraits("level", off=False)
    levels = ("low", "high") if version == (3, 0) else ("low", "medium", "high")
    return ThinkingTraits("level", off=False, levels=levels)


def needs_signatures(model: str) -> bool:
    """Whether tool calls without a signature are refused."""
    found = _NAME.search(model)
    return found is not None and int(found[1]) >= 3
