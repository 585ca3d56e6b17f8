"""Input lines of batches: OpenAI's error codes, by line."""

import json

import pytest

from kaname.gateway.batches.lines import check_lines, iterate_requests
from kaname.gateway.batches.model import MAX_LINE_ERRORS, MAX_REQUESTS

CHAT = "/v1/chat/completions"
GOOD: dict[str, object] = {"custom_id": "a", "method": "POST", "url": CHAT, "body": {"model": "m"}}


def codes(*lines: bytes) -> list[tuple[str, str | None, int | None]]:
    return [(e.code, e.param, e.line) for e in check_lines(lines, CHAT).errors]


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"method": "GET"}, "invalid_method", "method"),
        ({"url": "/v1/embeddings"}, "invalid_url", "url"),
        ({"custom_id": 3}, "invalid_custom_id", "custom_id"),
        ({"custom_id": ""}, "invalid_custom_id", "custom_id"),
        ({"body": []}, "invalid_body", "body"),
        ({"body": {"stream": True}}, "invalid_body", "body.stream"),
    ],
)
def test_wrong_fields(change: dict[str, object], code: str, param: str) -> None:
    assert codes(json.dumps({**GOOD, **change}).encode()) == [(code, param, 1)]


@pytest.mark.parametrize("name", list(GOOD))
def test_missing_fields(name: str) -> None:
    line = json.dumps({k: v for k, v in GOOD.items() if k != name}).encode()
    assert codes(line) == [("missing_required_parameter", name, 1)]


def test_whole_inputs() -> None:
    good = json.dumps(GOOD).encode()
    assert codes(good, b"", b"  \r") == []
    assert codes(good, b"[1]", good) == [("invalid_json_line", None, 2), ("duplicate_custom_id", "custom_id", 3)]
    assert codes(b"") == [("empty_file", "input_file_id", None)]
    assert len(codes(*[b"nope"] * 1000)) == MAX_LINE_ERRORS
    many = (json.dumps({**GOOD, "custom_id": str(n)}).encode() for n in range(MAX_REQUESTS + 1))
    assert [e.code for e in check_lines(many, CHAT).errors] == ["too_many_requests"]


def test_requests_keep_their_line_as_position() -> None:
    found = list(iterate_requests([b"", json.dumps(GOOD).encode()], CHAT))
    assert [(r.position, r.custom_id, r.body) for r in found] == [(2, "a", b'{"model":"m"}')]
