"""The same failure in Anthropic's and OpenAI's words."""

import orjson
import pytest

from kaname.gateway.anthropic_errors import (
    anthropic_headers,
    from_anthropic,
    from_openai,
    render_anthropic,
    to_anthropic_body,
)
from kaname.gateway.openai_errors import WireError, internal_error, model_not_allowed, model_not_found
from kaname.kernel.errors import (
    InvalidInputError,
    KanameError,
    QuotaExceededError,
    RateLimitedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UpstreamError,
    UpstreamTimeoutError,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidInputError("bad"), "invalid_request_error"),
        (UnauthenticatedError("who"), "authentication_error"),
        (model_not_allowed("m"), "permission_error"),
        (QuotaExceededError("spent"), "billing_error"),
        (model_not_found("m", []), "not_found_error"),
        (TooLargeError("big"), "request_too_large"),
        (RateLimitedError("slow", retry_after_s=2), "rate_limit_error"),
        (UpstreamError("broken"), "api_error"),
        (UnavailableError("draining", code="overloaded"), "overloaded_error"),
        (UpstreamTimeoutError("late"), "timeout_error"),
    ],
)
def test_our_errors_follow_the_table(error: KanameError, kind: str) -> None:
    document = orjson.loads(to_anthropic_body(error, "req_1"))
    assert (document["type"], document["error"]["type"], document["request_id"]) == ("error", kind, "req_1")
    assert error.message in document["error"]["message"]
    assert set(document["error"]) == {"type", "message"}


def test_the_parameter_is_named_in_the_message() -> None:
    wire = WireError(400, "invalid_request_error", None, "It isn't a number", "temperature", [])
    assert orjson.loads(render_anthropic(wire, "r"))["error"]["message"] == "temperature: It isn't a number"
    assert orjson.loads(render_anthropic(internal_error(), "r"))["error"]["type"] == "api_error"


def test_headers_take_anthropics_names() -> None:
    headers = anthropic_headers([(b"retry-after", b"2"), (b"x-ratelimit-limit-requests", b"5")], 0)
    assert headers == [(b"retry-after", b"2"), (b"anthropic-ratelimit-requests-limit", b"5")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"20ms", b"2026-11-24T12:00:00Z"), (b"1s", b"2026-11-24T12:00:01Z"), (b"6m0s", b"2026-11-24T12:06:00Z"),
        (b"1h2m3.5s", b"2026-11-24T13:02:03Z"), (b"59000ms", b"2026-11-24T12:00:59Z"),
        (b"1d", b"2026-11-25T12:00:00Z"), (b"", b""), (b"soon", b"soon"), (b"999999999d", b"999999999d"),
    ],
)  # fmt: skip
def test_a_reset_is_a_duration_at_openai_and_a_time_at_anthropic(said: bytes, expected: bytes) -> None:
    [(name, value)] = anthropic_headers([(b"x-ratelimit-reset-tokens", said)], 1795521600.0)
    assert (name, value) == (b"anthropic-ratelimit-tokens-reset", expected)


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", (400, "invalid_request_error", None)),
        (404, "not_found_error", (404, "invalid_request_error", "model_not_found")),
        (413, "request_too_large", (413, "invalid_request_error", "request_too_large")),
        (429, "rate_limit_error", (429, "requests", "rate_limit_exceeded")),
        (500, "api_error", (500, "server_error", None)),
        (529, "overloaded_error", (503, "server_error", "overloaded")),
        (504, "timeout_error", (504, "upstream_error", "upstream_timeout")),
        (200, "overloaded_error", (503, "server_error", "overloaded")),
    ],
)
def test_upstream_errors_for_a_chat_client(status: int, kind: str, expected: tuple[int, str, str | None]) -> None:
    body = orjson.dumps({"type": "error", "error": {"type": kind, "message": "Because"}, "request_id": "req_0"})
    wire = from_anthropic(status, body, [(b"retry-after", b"1")])
    assert wire is not None
    assert (wire.status, wire.type, wire.code) == expected
    assert (wire.message, wire.headers) == ("Because", [(b"retry-after", b"1")])
    assert set(orjson.loads(wire.body())["error"]) == {"message", "type", "param", "code"}


def test_a_prompt_that_is_too_long_has_openais_code() -> None:
    said = "prompt is too long: 9 tokens > 8 maximum"
    body = orjson.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": said}})
    wire = from_anthropic(400, body, [])
    assert wire is not None
    assert (wire.code, wire.param) == ("context_length_exceeded", "messages")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"type":"error"}', b'{"error":{"message":"x"}}'])
def test_other_bodies_arent_anthropics(body: bytes) -> None:
    assert from_anthropic(500, body, []) is None


def test_openai_errors_for_an_anthropic_client() -> None:
    body = b'{"error":{"message":"Bad","type":"invalid_request_error","param":"messages[0]","code":null}}'
    wire = from_openai(400, body, [])
    assert wire is not None
    assert orjson.loads(render_anthropic(wire, None)) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "messages[0]: Bad"},
    }
    assert from_openai(500, b"<html>", []) is None
    assert from_openai(500, b'{"error":"x"}', []) is None
