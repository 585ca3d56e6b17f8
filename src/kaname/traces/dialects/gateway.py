"""Our own attributes: what `gateway_records.py` writes for a gateway call, and metadata of our SDK."""

from decimal import Decimal

from kaname.traces.coerce import json_object, to_count, to_text
from kaname.traces.dialects.dialect import Dialect, Partial, payload_of
from kaname.traces.model import RawSpan
from kaname.traces.native_usage import read_native_usage

_METADATA = "kaname.metadata."
_GATEWAY = "kaname.gateway."
MALFORMED_EVENTS = "kaname.stream.malformed_events"
"""How many events of a stream couldn't be read; they were passed on as they came."""

CACHE_FLAGS = {"hit": "cache_hit", "semantic_hit": "semantic_cache_hit"}
"""Calls that were answered without an upstream, and cost nothing."""


def read(span: RawSpan) -> Partial:
    """Fields of `kaname.*` attributes."""
    a = span.attributes
    found: Partial = {}
    metadata = {k[len(_METADATA) :]: to_text(v) for k, v in a.items() if k.startswith(_METADATA)}
    if metadata:
        found["metadata"] = metadata
    flags = ["malformed_stream_events"] if to_count(a.get(MALFORMED_EVENTS)) else []
    if flags:
        found["flags"] = flags
    if "kaname.gateway.request_id" not in a:
        return found
    if usage := read_native_usage(json_object(a.get("kaname.gateway.usage"))):
        found["usage"] = usage
    if (ttft := to_count(a.get("kaname.gateway.ttft_ns"))) is not None:
        found["time_to_first_token_ns"] = ttft
    if payload := payload_of(a.get("kaname.gateway.input")):
        found["input"] = payload
    if payload := payload_of(a.get("kaname.gateway.output")):
        found["output"] = payload
    flags += [
        flag
        for flag, key in (
            ("incomplete", "incomplete"),
            ("usage_estimated", "usage_estimated"),
            ("request_truncated", "request_truncated"),
            ("response_truncated", "response_truncated"),
        )
        if a.get(_GATEWAY + key)
    ]
    if (flag := CACHE_FLAGS.get(to_text(a.get("kaname.gateway.cache")))) is not None:
        flags.append(flag)
        found["sent_cost"] = {"total": Decimal()}
    if flags:
        found["flags"] = flags
    return found


DIALECT = Dialect(name="gateway", read=read, heads=frozenset({"kaname"}))
