"""Every operation of the OpenAPI document with hostile parameters and bodies, and OTLP with hostile values.

Nothing may crash, answer 5xx, be written, reach the log, or be answered in another shape than the surface's own.
"""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from live import LiveServer, Response

MARK = "needle-in-a-payload-7f3a"
SAFE_LOG = ("Traceback", MARK)
TEXTS = (
    "\0", "../../etc/passwd", "..%2f..", "'; DROP --", "{p1:String}", "💣" * 50, "a" * 2_000, "%", "\r\nx: y",
)  # fmt: skip
RAW_TEXTS = ("%00", "%ff%fe", "%ed%a0%80", "%2e%2e%2f", "%0d%0aset-cookie:%20a=b")
JSON_VALUES = (
    "null", "0", "-1", '""', '"\\u0000"', '"\\ud800"', "9" * 400, "1e400", "NaN", "[]", "{}", "true",
    json.dumps(MARK * 5_000), "[" * 5_000 + "]" * 5_000, '{"\\ud800": 1}', '["\\ud800"]',
)  # fmt: skip
QUERY_VALUES = (
    *(quote(t, safe="") for t in ("\0", "'; DROP --", "{p1:String}", "a" * 2_000)), "%ff", "-1", "9" * 40, "NaN", "[]",
)  # fmt: skip
BODIES = (
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b'{"a":' * 5_000,
    b"{}{}",
    b'{"__proto__": {}}',
    b"\x1f\x8b\x08",
)


class Caller:
    """One kept-alive connection as the owner."""

    def __init__(self, server: LiveServer) -> None:
        host, _, port = server.url.removeprefix("http://").partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=30)
        cookie = "; ".join(f"{k}={v}" for k, v in server.cookies.items())
        self._headers = {"cookie": cookie, "x-csrf-token": server.csrf_token, "content-type": "application/json"}

    def call(self, method: str, path: str, body: bytes | None = None) -> Response:
        self._connection.request(method, path, body=body, headers=self._headers)
        answer = self._connection.getresponse()
        headers = {k.lower(): v for k, v in answer.getheaders()}
        return Response(status=answer.status, headers=headers, body=answer.read())


@pytest.fixture(scope="module")
def caller(attacked: LiveServer) -> Caller:
    return Caller(attacked)


def operations(server: LiveServer) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = server.call("GET", "/api/openapi.json").json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            # A live view never ends, and many wrong logins would lock the other tests out.
            if not path.endswith("/live") and not path.startswith("/api/v1/auth/"):
                body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
                name = body.get("$ref", "").rpartition("/")[2]
                operation["fields"] = list(document["components"]["schemas"].get(name, {}).get("properties", {}))
                yield method.upper(), path, operation


def check(answer: Response, what: object) -> None:
    """A refusal in the API's shape, or a success."""
    assert answer.status < 500, (what, answer.body[:500])
    assert "set-cookie" not in answer.headers, what
    if answer.status >= 400 and "/api/public/" not in str(what):
        assert answer.headers["content-type"] == "application/problem+json", (what, answer.body[:300])
        problem = answer.json()
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert problem["code"]
        assert len(answer.body) < 6_000, what


def fill(server: LiveServer, path: str, value: str) -> str:
    """The owner's own places, and the hostile text everywhere else."""
    path = path.replace("{organization_id}", server.organization_id).replace("{project_id}", server.project_id)
    while "{" in path:
        head, _, rest = path.partition("{")
        path = head + value + rest.partition("}")[2]
    return path


def state_of(server: LiveServer) -> list[object]:
    organization = f"/api/v1/organizations/{server.organization_id}"
    paths = [server.project_path(p) for p in ("keys", "prices", "scores")]
    paths += [f"{organization}/{p}" for p in ("projects", "users", "invites")] + ["/api/v1/me/tokens"]
    return [server.call("GET", path).json()["items"] for path in paths]


def test_hostile_path_parameters(attacked: LiveServer, caller: Caller) -> None:
    before = state_of(attacked)
    for method, path, _ in operations(attacked):
        for value in (*(quote(t, safe="") for t in TEXTS), *RAW_TEXTS):
            target = fill(attacked, path, value)
            if target != fill(attacked, path, ""):
                check(caller.call(method, target, None if method == "GET" else b"{}"), (method, target))
    assert state_of(attacked) == before


def test_hostile_query_parameters(attacked: LiveServer, caller: Caller) -> None:
    for method, path, operation in operations(attacked):
        names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
        for name in names if method == "GET" else ():
            for value in QUERY_VALUES:
                target = f"{fill(attacked, path, 'ab' * 16)}?{name}={value}"
                check(caller.call(method, target), (method, target[:300]))


def test_hostile_filters(attacked: LiveServer, caller: Caller) -> None:
    for field in (
        "metadata.a'b\\",
        "metadata.{p1:String}",
        "score.`x`",
        "model",
        "duration_ms",
        "cost_usd",
        "tags",
        "is_root",
    ):
        for op in ("ne", "in", "contains", "gt", "; drop"):
            for value in ('"\'\\\\\\n{p2:Int64}"', "1e300", "-1e15", "[1, 1.5]", '["a\'"]', "true", "null", "{}"):
                text = f'[{{"field":{json.dumps(field)},"op":"{op}","value":{value}}}]'
                target = attacked.project_path(f"spans?filter={quote(text)}")
                check(caller.call("GET", target), text)


_ANYTHING_GOES = ("/demo-data", "/config/validate")
"""One reads no body, and to the other a wrong text is what it is asked about."""


def test_hostile_bodies(attacked: LiveServer, caller: Caller) -> None:
    before = state_of(attacked)
    for method, path, operation in operations(attacked):
        if method in ("GET", "DELETE") or path.endswith(_ANYTHING_GOES):
            continue
        objects = ["{" + ",".join(f'"{f}":{v}' for f in operation["fields"]) + "}" for v in JSON_VALUES]
        objects += [f'{{"{f}":{v}}}' for f in operation["fields"] for v in JSON_VALUES]
        for body in (*BODIES, *(o.encode() for o in objects)):
            target = fill(attacked, path, "ab" * 16)
            answer = caller.call(method, target, body)
            check(answer, (method, target, body[:200]))
            assert answer.status >= 400 or path == "/api/v1/me", (method, target, body[:200], answer.body[:200])
    assert state_of(attacked) == before


def span(number: int, attributes: list[object], **fields: object) -> dict[str, object]:
    now = str(time.time_ns())
    ids = {"traceId": f"{number:032x}", "spanId": f"{number:016x}"}
    return {**ids, "name": "n", "startTimeUnixNano": now, "endTimeUnixNano": now, "attributes": attributes, **fields}


ATTRIBUTES = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.cost", "llm.token_count.prompt", "langfuse.observation.cost_details",
    "langfuse.observation.usage_details", "langfuse.observation.completion_start_time", "gen_ai.request.model",
    "input.value", "gen_ai.input.messages", "metadata", "session.id", "user.id", "langfuse.trace.tags", "llm.tools",
    "langfuse.environment", "llm.input_messages.999999999.message.content", "__proto__.x", "llm.invocation_parameters",
)  # fmt: skip
VALUES = (
    {"intValue": "9223372036854775807"}, {"doubleValue": 1e308}, {"doubleValue": "NaN"}, {"doubleValue": "-Infinity"},
    {"stringValue": "-5"}, {"stringValue": "1e999"}, {"stringValue": "9" * 300}, {"stringValue": "\0\ud800"},
    {"stringValue": '{"input": 1e400, "a": [' * 300}, {"boolValue": True}, {"stringValue": MARK * 1_500},
    {"kvlistValue": {"values": [{"key": "\0", "value": {"intValue": 1}}]}}, {"arrayValue": {"values": [None, 1, {}]}},
    {"bytesValue": "!"}, 10**300, [],
)  # fmt: skip


def test_hostile_spans_are_kept_or_refused_and_hold_nothing_up(attacked: LiveServer) -> None:
    spans = [span(i + 1, [{"key": k, "value": v} for k in ATTRIBUTES]) for i, v in enumerate(VALUES)]
    named = [{"key": "gen_ai.evaluation.name", "value": {"stringValue": "x"}}]
    scored = {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 1}}
    late = {"name": "gen_ai.evaluation.result", "timeUnixNano": str(2**64 - 1), "attributes": [*named, scored]}
    spans.append(span(100, [], events=[late], endTimeUnixNano=str(2**64 - 1), kind=99))
    for item in spans:
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [item]}]}]}).encode()
        answer = attacked.with_key("POST", "/v1/traces", body, headers={"content-type": "application/json"})
        assert answer.status == 200, (item, answer.body)
    shown = attacked.wait_for_spans(len(spans))
    for item in shown:
        base = f"traces/{item['trace_id']}"
        one = f"{base}/spans/{item['span_id']}"
        for path in (base, f"{base}/transcript", one, f"{one}/payload/attributes", f"{one}/payload/input"):
            answer = attacked.with_key("GET", attacked.project_path(path))
            assert answer.status in (200, 404), (path, answer.body)
            if "payload" in path and answer.status == 200:
                assert answer.headers["content-disposition"].startswith("attachment")
                assert "sandbox" in answer.headers["content-security-policy"]
                assert answer.headers["content-type"].partition(";")[0] in ("text/plain", "application/json")
    for path in ("spans/facets", "spans/histogram", "traces", "sessions", "users", "scores/summary", "export/spans"):
        assert attacked.with_key("GET", attacked.project_path(path)).status == 200, path
    scores = attacked.with_key("GET", attacked.project_path("scores")).json()["items"]
    assert scores
    assert all(s["created_at"] >= "2026" for s in scores), "a time beyond the store's must not wrap around"


def test_the_log_has_no_payload_no_secret_and_no_crash(attacked: LiveServer) -> None:
    log = attacked.log_path.read_text(errors="replace")
    for text in (*SAFE_LOG, attacked.secret_key, attacked.password, *attacked.cookies.values(), attacked.csrf_token):
        assert text not in log, log[max(0, log.find(text) - 2_000) :][:4_000]
