"""Session, user, tags and metadata that hold for everything inside a `with` block, in this thread or task.

They live in the OpenTelemetry context, so they follow `async` code and reach spans of other instrumentations too. Names
are those that most back ends read: `session.id`, `user.id`, `tag.tags`, `metadata` (OpenInference).
"""

import json
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from kaname_sdk.faults import faults

Attributes = Mapping[str, str | tuple[str, ...]]
_KEY = otel_context.create_key("kaname-attributes")
_NONE: Attributes = {}


class Scope:
    """A context manager that adds attributes to every span started inside. Reusable, and safe to nest."""

    def __init__(self, additions: Attributes) -> None:
        self._additions = additions
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> "Scope":
        with faults.guard("entering a scope"):
            merged = _merge(current_attributes(), self._additions)
            self._tokens.append(otel_context.attach(otel_context.set_value(_KEY, merged)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tokens:
            otel_context.detach(self._tokens.pop())


def session(session_id: str) -> Scope:
    """Spans inside belong to this session (a conversation)."""
    return Scope({"session.id": str(session_id)})


def user(user_id: str) -> Scope:
    """Spans inside are caused by this end user."""
    return Scope({"user.id": str(user_id)})


def tags(*names: str) -> Scope:
    """Spans inside carry these tags, beside those of outer scopes."""
    return Scope({"tag.tags": tuple(str(n) for n in names)})


def metadata(**values: object) -> Scope:
    """Spans inside carry these key-value pairs, beside those of outer scopes."""
    return Scope({"metadata": json.dumps({k: _plain(v) for k, v in values.items()}, ensure_ascii=False)})


def current_attributes(context: Context | None = None) -> Attributes:
    """Attributes of the scopes around the caller."""
    return cast("Attributes", otel_context.get_value(_KEY, context)) or _NONE


class ScopeProcessor(SpanProcessor):
    """Copies the scopes' attributes onto every span as it starts."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        attributes = current_attributes(parent_context)
        if attributes:
            span.set_attributes(attributes)

    def on_end(self, span: ReadableSpan) -> None:
        pass

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def _merge(outer: Attributes, inner: Attributes) -> Attributes:
    merged = {**outer, **inner}
    if "tag.tags" in outer and "tag.tags" in inner:
        merged["tag.tags"] = tuple(dict.fromkeys((*outer["tag.tags"], *inner["tag.tags"])))
    if "metadata" in outer and "metadata" in inner:
        both = {**json.loads(cast("str", outer["metadata"])), **json.loads(cast("str", inner["metadata"]))}
        merged["metadata"] = json.dumps(both, ensure_ascii=False)
    return merged


def _plain(value: object) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
