"""What each generation of Claude takes: how it is made to think, its sampling parameters, its output limit.

Facts from the vendor's model pages and migration guides (October 2026). A name that isn't understood counts as another
vendor's model behind the same format: it gets the plain parameters, and the upstream may refuse them.
Not here: prices and context windows (`gateway.pricing`).
"""

import re
from typing import Final, Literal, NamedTuple

Thinking = Literal["none", "budget", "adaptive"]
Sampling = Literal["both", "one", "none"]
Off = Literal["omit", "disabled", "between_tools", "never"]

_FAMILIES: Final = r"opus|sonnet|haiku|fable|mythos"
_VERSION: Final = r"(\d)(?:[-.](\d{1,2}))?(?!\d)"
_NAME: Final = re.compile(rf"claude-(?:({_FAMILIES})-{_VERSION}|{_VERSION}-({_FAMILIES})|({_FAMILIES}))")
_ALWAYS_THINKING: Final = ("fable", "mythos")
_OTHER_MAX_TOKENS: Final = 8192


class ModelTraits(NamedTuple):
    """How requests to one model differ from those to another."""

    max_tokens: int
    """The most it can answer with, thinking included; what a request without a limit gets."""
    thinking: Thinking
    """`budget`: `thinking.budget_tokens`; `adaptive`: `output_config.effort`."""
    sampling: Sampling
    """`one`: `temperature` or `top_p`, not both."""
    efforts: frozenset[str]
    off: Off = "omit"
    """What turns thinking off."""
    forced_tools: bool = True
    """Whether `tool_choice` may be `any` or `tool`."""
    schemas: bool = True
    """Whether structured output and strict tools exist."""


_OTHER: Final = ModelTraits(_OTHER_MAX_TOKENS, "budget", "both", frozenset())


def traits_of(model: str) -> ModelTraits:
    """Traits by name, on whatever platform: `claude-opus-4-7`, `anthropic.claude-opus-4-7-v1:0`, `claude-4.7-opus`."""
    found = _NAME.search(model)
    if found is None:
        return _OTHER
    family = found[1] or found[6] or found[7]
    major, minor = found[2] or found[4], found[3] or found[5]
    # Without a number: `claude-opus-latest`, `claude-mythos-preview`.
    version: tuple[int, int] = (int(major or 9), int(minor or 0))
    if version < (3, 7):
        return ModelTraits(8192 if version >= (3, 5) else 4096, "none", "both", frozenset(), schemas=False)
    if version < (4, 6):
        limit = 32_000 if family == "opus" and version < (4, 5) else 64_000
        sampling: Sampling = "one" if version >= (4, 1) else "both"
        return ModelTraits(limit, "budget", sampling, frozenset(), schemas=version >= (4, 1))
    limit = 64_000 if family == "sonnet" and version < (5, 0) else 128_000
    efforts = frozenset({"low", "medium", "high", "max"})
    if version < (4, 7):
        return ModelTraits(limit, "adaptive", "one", efforts)
    return ModelTraits(
        limit, "adaptive", "none", efforts | {"xhigh"}, _off(family, version),
        forced_tools=family == "haiku" or version < ((5, 1) if family in _ALWAYS_THINKING else (5, 5)),
    )  # fmt: skip


def _off(family: str, version: tuple[int, int]) -> Off:
    if family in _ALWAYS_THINKING:
        return "never"
    if version < (5, 0):
        return "omit"
    if version < (5, 5) or family == "haiku":
        return "disabled"
    return "never" if family == "opus" else "between_tools"
