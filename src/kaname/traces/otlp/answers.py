"""OTLP answers in the request's format: empty success, partial success, and `google.rpc.Status` for errors.

Specification: OTLP/HTTP 1.x, "Full Success", "Partial Success", "Failures".
"""

import msgspec

from kaname.traces.otlp.http_body import BodyFormat
from kaname.traces.otlp.outcome import Signal

CONTENT_TYPE: dict[BodyFormat, bytes] = {"protobuf": b"application/x-protobuf", "json": b"application/json"}
_JSON_COUNT = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}
_GRPC_CODE = {400: 3, 401: 16, 403: 7, 408: 4, 413: 11, 415: 3, 429: 8, 503: 14}
_GRPC_UNKNOWN = 2


def encode_success(body_format: BodyFormat, signal: Signal, rejected: int, message: str) -> bytes:
    """The body of a 200. Nothing rejected and nothing to say: the empty response, without `partial_success`."""
    if not rejected and not message:
        return b"" if body_format == "protobuf" else b"{}"
    if body_format == "json":
        # 64-bit integers are decimal strings in protobuf JSON.
        return msgspec.json.encode({"partialSuccess": {_JSON_COUNT[signal]: str(rejected), "errorMessage": message}})
    # `Export…ServiceResponse {partial_success = 1 {rejected_… = 1, error_message = 2}}`: alike for all signals, and
    # by hand, because the generated classes take longer to import than a whole gateway process may need to start.
    text = message.encode("utf-8", "replace")
    count = b"\x08" + _varint(rejected) if rejected else b""
    partial = count + (b"\x12" + _varint(len(text)) + text if text else b"")
    return b"\x0a" + _varint(len(partial)) + partial


def encode_error(body_format: BodyFormat, status: int, message: str) -> bytes:
    """The body of a failure: `google.rpc.Status {code = 1, message = 2}`."""
    code = _GRPC_CODE.get(status, _GRPC_UNKNOWN)
    if body_format == "json":
        return msgspec.json.encode({"code": code, "message": message})
    text = message.encode("utf-8", "replace")
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
