"""One HTTP request of the ClickHouse interface, taken apart: statement, parameters, settings, formats, encodings.

Reference: ClickHouse documentation, "HTTP interface". Not served, and refused clearly: external tables, sessions' state
(a `session_id` is accepted and ignored), the framing of `compress=1` and `decompress=1`.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from kaname.storage.columns.engine.bodies import choose_encoding, read_form, unpack
from kaname.storage.columns.engine.chdb import Job
from kaname.storage.columns.engine.faults import StatementError
from kaname.storage.columns.engine.statement import DEFAULT_FORMAT, read_statement

_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRANSPORT = frozenset({
    "query", "database", "user", "password", "query_id", "session_id", "session_timeout", "session_check",
    "compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version", "role", "quota_key",
    "stacktrace", "default_format", "enable_http_compression", "http_zlib_compression_level",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms",
    "cancel_http_readonly_queries_on_client_close", "log_comment",
})  # fmt: skip
"""URL parameters that steer the transport. Any other is a setting of the statement."""


@dataclass(slots=True, kw_only=True)
class HttpRequest:
    """A request as it arrived. Header names are lower case."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """What to run and how to answer."""

    job: Job
    is_streaming: bool
    """The answer may start before the statement has ended."""
    encoding: str


def read_query(request: HttpRequest, *, new_query_id: str, unpack_limit: int) -> QueryRequest:
    """Takes a request apart; raises StatementError."""
    arguments = _read_arguments(request.query_string)
    body: bytes | bytearray = request.body
    encoding = request.headers.get("content-encoding", "").lower()
    if encoding:
        body = unpack(bytes(body), encoding, unpack_limit)
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        form = read_form(content_type, bytes(body))
        if "query" in form and arguments.get("query"):
            form["query"] = arguments["query"] + form["query"]
        arguments, body = {**arguments, **form}, b""
    for framing in ("compress", "decompress"):
        if arguments.get(framing, "0") not in ("", "0", "false"):
            raise StatementError(48, f"{framing}=1 is not supported; use Content-Encoding", "NOT_IMPLEMENTED")
    sql = arguments.get("query", "").encode("utf-8", "surrogateescape")
    statement = read_statement(sql, body) if sql else read_statement(bytes(body))
    default_format = arguments.get("default_format") or request.headers.get("x-clickhouse-format") or DEFAULT_FORMAT
    output_format = statement.format if statement.kind == "result" and statement.format else default_format
    if not _SETTING_NAME.fullmatch(output_format):
        raise StatementError(73, f"Unknown format {output_format!r}", "UNKNOWN_FORMAT")
    is_result = statement.kind == "result"
    job = Job(
        statement=statement,
        query_id=new_query_id,
        database=arguments.get("database") or request.headers.get("x-clickhouse-database", ""),
        output_format=output_format,
        settings=_read_settings(arguments, read_only=request.method != "POST"),
        parameters={k[6:]: v for k, v in arguments.items() if k.startswith("param_")},
    )
    wants = arguments.get("enable_http_compression", "0") in ("1", "true")
    return QueryRequest(
        job=job,
        is_streaming=is_result and arguments.get("wait_end_of_query", "0") not in ("1", "true"),
        encoding=choose_encoding(request.headers.get("accept-encoding", "")) if wants else "",
    )


def check_secret(headers: Mapping[str, str], query_string: str, user: str, secret: str) -> None:
    """Raises StatementError unless the request carries the user and the secret, in any way that ClickHouse accepts."""
    given_user, given_secret = _read_credentials(headers, query_string)
    right_user = hmac.compare_digest(given_user.encode("utf-8", "surrogateescape"), user.encode())
    right_secret = hmac.compare_digest(given_secret.encode("utf-8", "surrogateescape"), secret.encode())
    if right_user and right_secret:
        return
    if not given_secret:
        raise StatementError(194, "Password required", "REQUIRED_PASSWORD")
    raise StatementError(
        516,
        "Authentication failed: password is incorrect, or there is no user with such name",
        "AUTHENTICATION_FAILED",
    )


def _read_credentials(headers: Mapping[str, str], query_string: str) -> tuple[str, str]:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape").partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return name, secret
    if "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers["x-clickhouse-key"]
    if "password=" in query_string:
        arguments = dict(parse_qsl(query_string, keep_blank_values=True))
        return arguments.get("user", "default"), arguments.get("password", "")
    return "", ""


def _read_arguments(query_string: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query_string, keep_blank_values=True, errors="surrogateescape", max_num_fields=2000))
    except ValueError as e:
        raise StatementError(36, f"The query string can't be read: {e}", "BAD_ARGUMENTS") from e


def _read_settings(arguments: Mapping[str, str], *, read_only: bool) -> dict[str, str]:
    settings: dict[str, str] = {}
    for name, value in arguments.items():
        if name in _TRANSPORT or name.startswith("param_"):
            continue
        if not _SETTING_NAME.fullmatch(name):
            raise StatementError(115, f"Unknown setting {name!r}", "UNKNOWN_SETTING")
        settings[name] = value
    if read_only:
        settings.setdefault("readonly", "2")
    return settings
