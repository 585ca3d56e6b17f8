"""Native calls on a real socket: what reaches the provider, what never does, and that no limit is left out."""

import socket
from collections.abc import Iterator

import anthropic
import httpx
import openai
import orjson
import pytest

from integration.gateway.conftest import UPSTREAM_KEY, Gateway, running_gateway
from integration.gateway.fault_upstream import COMPLETION, DONE, FINISH, TOKENS, FaultUpstream, Seen, Wire, usage_event

KEY = {"authorization": "Bearer good"}
CHAT = {"model": "gpt-x", "messages": [{"role": "user", "content": "Hi"}]}
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Hi"}],
    "usage": {"input_tokens": 3, "output_tokens": 2},
}  # fmt: skip


async def native(wire: Wire, seen: Seen) -> None:
    """Answers by path."""
    if "/chat/completions" in seen.path and b'"stream":true' in seen.body.replace(b" ", b""):
        await wire.start_stream()
        for event in [*TOKENS, FINISH, *([usage_event()] if b"include_usage" in seen.body else []), DONE]:
            await wire.event(event)
        await wire.end_stream()
    elif "/chat/completions" in seen.path:
        await wire.reply("200 OK", COMPLETION, extra="set-cookie: a=b\r\nx-upstream: yes\r\n")
    elif seen.path.endswith("/messages"):
        await wire.reply("200 OK", orjson.dumps(MESSAGE))
    elif seen.path.endswith("/missing"):
        await wire.reply("404 Not Found", b'{"detail":"no such thing"}')
    elif seen.path.endswith("/moved"):
        await wire.reply("302 Found", b"", extra="location: http://elsewhere.test/\r\n")
    elif seen.path.endswith("/refused"):
        await wire.reply("401 Unauthorized", b'{"error":{"message":"bad key sk-upstream"}}')
    elif seen.path.endswith("/gone"):
        await wire.raw(b"HTTP/1.1 204 No Content\r\n\r\n")
    elif "generateContent" in seen.path:
        usage = {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}
        await wire.reply("200 OK", orjson.dumps({"candidates": [], "usageMetadata": usage}))
    else:
        await wire.reply("200 OK", b"\x00\x01binary", "application/x-thing")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with FaultUpstream({"native": native}) as upstream:
        base = f"http://127.0.0.1:{upstream.port}/native"
        options = "allow_private: true, keys: [{env: UP}]"
        text = "\n".join(
            [
                "providers:",
                f'  native: {{base_url: "{base}/v1", {options}}}',
                f'  claude: {{type: anthropic, base_url: "{base}/v1", {options}}}',
                f'  gem: {{type: gemini, base_url: "{base}/v1beta", {options}}}',
            ]
        )
        with running_gateway(tmp_path_factory.mktemp("pass"), upstream, text + "\n") as running:
            yield running


def root(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


def test_a_call_reaches_the_provider_as_it_is_but_with_our_key(gateway: Gateway) -> None:
    headers = {
        **KEY, "x-kaname-tags": "a", "openai-organization": "org-mine", "cookie": "a=b", "openai-beta": "assistants=v2",
        "x-custom-auth": "s3cret", "connection": "keep-alive, x-hop", "x-hop": "1",
    }  # fmt: skip
    url = f"{root(gateway)}/pass/native/chat/completions?beta=1&api_key=mine&page_token=p"
    body = b'{ "model": "gpt-x",  "messages": [] }'
    answer = httpx.post(url, content=body, headers={**headers, "content-type": "application/json"})
    assert answer.content == COMPLETION
    assert answer.headers["x-upstream"] == "yes"
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    seen = gateway.upstream.last("native")
    assert (seen.path, seen.body) == ("/native/v1/chat/completions?beta=1&page_token=p", body)
    assert seen.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert seen.headers["openai-beta"] == "assistants=v2"
    sent = {"x-kaname-tags", "openai-organization", "cookie", "x-custom-auth", "x-hop"}
    assert not sent & set(seen.headers)
    assert "good" not in str(seen.headers)
    record = gateway.sink.wait(lambda r: r.request_id == answer.headers["x-request-id"])
    assert (record.surface, record.requested_model, record.provider) == ("pass", "native/gpt-x", "native")
    assert orjson.loads(record.usage)["total_tokens"] == 12
    assert record.tags == ["a"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_every_method_and_any_bytes_pass(gateway: Gateway, method: str) -> None:
    content = b"\xff\x00{" if method != "GET" else b""
    answer = httpx.request(method, f"{root(gateway)}/pass/native/files/a%20b", content=content, headers=KEY)
    assert (answer.status_code, answer.content) == (200, b"\x00\x01binary")
    assert answer.headers["content-type"] == "application/x-thing"
    seen = gateway.upstream.last("native")
    assert (seen.path, seen.body) == ("/native/v1/files/a%20b", content)


def test_no_content_stays_no_content(gateway: Gateway) -> None:
    answer = httpx.delete(f"{root(gateway)}/pass/native/gone", headers=KEY)
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_sdks_of_providers_work_with_it(gateway: Gateway) -> None:
    client = openai.OpenAI(base_url=f"{root(gateway)}/pass/native/v1", api_key="good", max_retries=0)
    assert client.chat.completions.create(**CHAT).choices[0].message.content == "こんにちは"  # type: ignore[call-overload]
    events = list(client.chat.completions.create(**CHAT, stream=True))  # type: ignore[call-overload]
    assert len(events) == 11
    claude = anthropic.Anthropic(base_url=f"{root(gateway)}/pass/claude", api_key="good", max_retries=0)
    said = claude.messages.create(model="claude-x", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
    assert said.content[0].text == "Hi"  # type: ignore[union-attr]
    seen = gateway.upstream.last("native")
    assert seen.path == "/native/v1/messages"
    assert seen.headers["x-api-key"] == UPSTREAM_KEY
    assert seen.headers["anthropic-version"]


@pytest.mark.parametrize("asks", [True, False])
def test_usage_of_a_stream_is_read_or_estimated(gateway: Gateway, *, asks: bool) -> None:
    body = {**CHAT, "stream": True, **({"stream_options": {"include_usage": True}} if asks else {})}
    answer = httpx.post(f"{root(gateway)}/pass/native/chat/completions", json=body, headers=KEY)
    record = gateway.sink.wait(lambda r: r.request_id == answer.headers["x-request-id"])
    usage = orjson.loads(record.usage)
    assert record.usage_estimated is not asks
    assert usage["completion_tokens"] == 10 if asks else usage["completion_tokens"] > 0


def test_gemini_by_path_with_its_key_in_a_header(gateway: Gateway) -> None:
    url = f"{root(gateway)}/pass/gem/v1beta/models/gemini-x:generateContent?key=good"
    answer = httpx.post(url, json={"contents": []}, headers={"x-goog-api-key": "good"})
    assert answer.status_code == 200
    seen = gateway.upstream.last("native")
    assert (seen.path, seen.headers["x-goog-api-key"]) == (
        "/native/v1beta/models/gemini-x:generateContent",
        UPSTREAM_KEY,
    )
    record = gateway.sink.wait(lambda r: r.request_id == answer.headers["x-request-id"])
    assert record.requested_model == "gem/gemini-x"
    assert orjson.loads(record.usage)["promptTokenCount"] == 7


def test_the_providers_errors_pass_but_not_its_view_of_our_key(gateway: Gateway) -> None:
    missing = httpx.get(f"{root(gateway)}/pass/native/missing", headers=KEY)
    assert (missing.status_code, missing.content) == (404, b'{"detail":"no such thing"}')
    refused = httpx.get(f"{root(gateway)}/pass/native/refused", headers=KEY)
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "upstream_credentials_exhausted")
    assert "sk-" not in refused.text
    moved = httpx.get(f"{root(gateway)}/pass/native/moved", headers=KEY)
    assert moved.status_code == 502
    assert "location" not in moved.headers


@pytest.mark.parametrize(
    "target",
    [
        "/pass/native/../admin", "/pass/native/a/../../b", "/pass/native/%2e%2e/b", "/pass/native/a/%2E%2E%2Fb",
        "/pass/native/a%2f..%2f..%2fb", "/pass/native/%252e%252e/b", "/pass/native/a/.%2e;x/b", "/pass/native//host/a",
        "/pass/native/%2Fhost/a", "/pass/native/a\\..\\b", "/pass/native/a%5c..%5cb", "/pass/native/a%0d%0ax: y",
        "/pass/native/a%00", "/pass/native/%25252525252e/b", "/pass/native/./a", "/%70ass/native/a", "/pass/%2e%2e/a",
        "/pass/local/a", "/pass/nobody/a", "/pass/native", "/pass/native/", "/pass/", "http://evil.test/pass/nobody/a",
        "/pass/http%3A%2F%2Fevil.test/a",
    ],
)  # fmt: skip
def test_no_path_leads_elsewhere(gateway: Gateway, target: str) -> None:
    before = len(gateway.upstream.seen)
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n\r\n".encode())
        status = client.recv(4096).split(b" ", 2)[1]
    assert status in (b"400", b"404")
    assert len(gateway.upstream.seen) == before


def test_only_callers_and_known_methods_are_served(gateway: Gateway) -> None:
    url = f"{root(gateway)}/pass/native/files"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"authorization": "Bearer weak"}).status_code == 403
    assert httpx.request("OPTIONS", url, headers=KEY).status_code == 405
    assert httpx.head(url, headers=KEY).status_code == 405


def test_a_surface_that_a_provider_lacks_is_refused_clearly(gateway: Gateway) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        gateway.client().embeddings.create(model="claude/claude-x", input="Hi")
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "model")
    assert "/v1/embeddings" in str(caught.value)


def test_a_form_names_its_model_and_other_multiparts_are_uploads(gateway: Gateway) -> None:
    url = f"{root(gateway)}/pass/native/audio/x"
    form = httpx.post(url, data={"model": "whisper-x"}, files={"file": b"abc"}, headers=KEY)
    upload = httpx.post(url, content=b"--x--", headers={**KEY, "content-type": "multipart/related; boundary=x"})
    assert (form.status_code, upload.status_code) == (200, 200)
    for answer, model in ((form, "native/whisper-x"), (upload, "native/-")):
        request_id = answer.headers["x-request-id"]
        record = gateway.sink.wait(lambda r, wanted=request_id: r.request_id == wanted)  # type: ignore[misc]
        assert record.requested_model == model


def test_two_models_or_a_repeated_one_are_refused(gateway: Gateway) -> None:
    url = f"{root(gateway)}/pass/native/models/a/chat"
    assert httpx.post(url, json={"model": "b"}, headers=KEY).status_code == 400
    twice = httpx.post(f"{root(gateway)}/pass/native/x", content=b'{"model":"a","model":"b"}', headers=KEY)
    assert twice.status_code == 400
