"""What a dialect is: a pure reader of one vocabulary of span attributes, and what it may find.

The normaliser merges the partial spans of all dialects that apply, in the order of `builtin.py`: the first non-empty
value of a field wins. Only the kind has a precedence of its own (`KIND_RANK`), because the rules of one dialect
are interleaved with another's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, TypedDict

from kaname.traces.coerce import dump_json, structured, to_text
from kaname.traces.messages import Message
from kaname.traces.model import AttributeValue, Level, RawSpan, SpanKind
from kaname.traces.usage import Usage

KindRule = Literal[
    "stream_output", "langfuse_quirk", "langfuse", "openinference", "operation", "genkit", "vercel", "tool_attributes",
    "quirk", "model",
]  # fmt: skip
KIND_RANK: dict[KindRule, int] = {
    "stream_output": 0, "langfuse_quirk": 0, "langfuse": 1, "openinference": 2, "operation": 3, "genkit": 4,
    "vercel": 5, "tool_attributes": 6, "quirk": 7, "model": 8,
}  # fmt: skip


class KindClaim(NamedTuple):
    """A kind and the rank of the rule that found it; the lowest rank wins."""

    rank: int
    kind: SpanKind


class Payload(NamedTuple):
    """An input or output that isn't a list of messages."""

    text: str
    is_json: bool = False


class Partial(TypedDict, total=False):
    """What one dialect found. Only what was found is present, so merging costs what was found."""

    kind: KindClaim
    is_root: bool
    external_id: str
    status_message: str
    level: Level
    environment: str
    version: str
    release: str
    session_id: str
    user_id: str
    tags: list[str]
    metadata: dict[str, str]
    """Merged key by key over all dialects."""
    operation: str
    provider: str
    request_model: str
    response_model: str
    response_id: str
    model_parameters: dict[str, AttributeValue]
    finish_reasons: list[str]
    prompt_name: str
    prompt_version: str
    agent_name: str
    tool_name: str
    tool_call_id: str
    time_to_first_token_ns: int
    usage: Usage
    is_aggregate: bool
    """The span repeats the sum of its children: its usage is kept as reported and costs nothing."""
    sent_cost: dict[str, Decimal]
    system: Message
    input_messages: list[Message]
    output_messages: list[Message]
    input: Payload
    output: Payload
    tool_definitions: list[AttributeValue]
    documents: list[AttributeValue]
    flags: list[str]
    """Joined over all dialects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A reader and when it applies: a span has an attribute or event name under one of `heads`, one of the attributes
    `keys`, or one of `scopes`. Without any of them: always.

    A head is what stands before the first dot of a key (`gen_ai` of `gen_ai.system`).
    """

    name: str
    read: Callable[[RawSpan], Partial]
    heads: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()


def claim(rule: KindRule, kind: SpanKind) -> KindClaim:
    """The claim that a rule of the precedence table makes."""
    return KindClaim(KIND_RANK[rule], kind)


def text_payload(text: str, *, is_json: bool) -> Payload:
    """A payload of text that may be JSON. Escaped Unicode is unescaped, or it couldn't be searched."""
    decoded = structured(text) if is_json else None
    if decoded is None:
        return Payload(text)
    return Payload(dump_json(decoded) if "\\u" in text else text, True)


def payload_of(value: AttributeValue) -> Payload | None:
    """A payload of any attribute value; None if there is nothing in it."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return text_payload(value, is_json=True)
    if isinstance(value, dict | list):
        return Payload(dump_json(value), True) if value else None
    return Payload(to_text(value))
