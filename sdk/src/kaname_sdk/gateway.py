"""What ties a call through Kaname's gateway to the current trace: the headers that the gateway reads."""

import json
from typing import cast

from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kaname_sdk.context import current_attributes
from kaname_sdk.faults import faults
from kaname_sdk.runtime import get_runtime

MAX_HEADER_CHARS = 256
MAX_TAGS_HEADER_CHARS = 1024
_ID_HEADERS = (("session.id", "x-kaname-session-id", "session_id"), ("user.id", "x-kaname-user-id", "user_id"))
_traceparent = TraceContextTextMapPropagator()


def gateway_headers() -> dict[str, str]:
    """Headers by which the gateway puts its span under the current one, in the same session and user. Never raises.

    `wrap(client)` adds them by itself; use them with any other HTTP client.
    """
    with faults.guard("gateway_headers()"):
        return _headers()
    return {}


def _headers() -> dict[str, str]:
    headers: dict[str, str] = {}
    if get_current_span().get_span_context().is_valid:
        _traceparent.inject(headers)
    attributes = current_attributes()
    pairs: dict[str, object] = json.loads(cast("str", attributes.get("metadata", "{}")))
    for key, header, name in _ID_HEADERS:
        value = cast("str", attributes.get(key, ""))
        if value and _is_header_text(value, MAX_HEADER_CHARS):
            headers[header] = value
        elif value:  # HTTP libraries refuse other text in a header; JSON escapes it
            pairs[name] = value
    joined = ",".join(attributes.get("tag.tags", ()))
    if joined and _is_header_text(joined, MAX_TAGS_HEADER_CHARS):
        headers["x-kaname-tags"] = joined
    environment = get_runtime().config.environment
    if environment and _is_header_text(environment, MAX_HEADER_CHARS):
        headers["x-kaname-environment"] = environment
    if pairs:
        headers["x-kaname-metadata"] = json.dumps(pairs)
    return headers


def _is_header_text(value: str, limit: int) -> bool:
    return len(value) <= limit and value.isascii() and value.isprintable()
