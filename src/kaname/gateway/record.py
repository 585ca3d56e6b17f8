"""Completes the record of a call that is over. Copies no body: slices only what is over the limit."""

from kaname.gateway.model import GatewayRecord
from kaname.gateway.openai_errors import ErrorReply

CLIENT_CLOSED = 499
MAX_MESSAGE_CHARS = 2000


def complete_record(record: GatewayRecord, duration_ns: int, request_body: bytes, limit: int) -> None:
    """Fills what is only known at the end."""
    record.duration_ns = duration_ns
    if not record.status:
        record.status = CLIENT_CLOSED
    size = len(request_body)
    record.request_bytes = size
    record.request_truncated = size > limit
    record.request = request_body[:limit] if size > limit else request_body
    if record.response_bytes > limit:
        record.response_truncated = True
        record.response = record.response[:limit]


def record_error(record: GatewayRecord, error: ErrorReply) -> None:
    """Notes what went wrong."""
    record.error_type, record.error_code = error.type, error.code or ""
    record.error_message = error.message[:MAX_MESSAGE_CHARS]
