"""The OpenAI surface as the official client and hostile clients see it."""

import gzip
import http.client
import time

import openai
import orjson
import pytest

from integration.gateway.conftest import Gateway
from integration.gateway.fault_upstream import COMPLETION, USAGE

MESSAGES = [{"role": "user", "content": "hi"}]
GOOD = {"authorization": "Bearer good"}


def call(
    gateway: Gateway, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request(method, path, body, GOOD if headers is None else headers)
    response = connection.getresponse()
    answer = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    connection.close()
    return answer


def error_of(body: bytes) -> dict[str, object]:
    error = orjson.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def chat(**fields: object) -> bytes:
    return orjson.dumps({"model": "support-bot", "messages": MESSAGES, **fields})


# ---- the official client


def test_completion(gateway: Gateway) -> None:
    raw = gateway.client().chat.completions.with_raw_response.create(model="support-bot", messages=MESSAGES)
    assert raw.parse().choices[0].message.content == "こんにちは"
    assert raw.headers["x-kaname-target"] == "ok/mock-model"
    assert raw.headers["x-kaname-attempts"] == "1"
    assert raw.headers["x-ratelimit-remaining-requests"] == "41"
    assert "set-cookie" not in raw.headers
    record = gateway.sink.wait(lambda r: r.request_id == raw.headers["x-request-id"])
    assert record.trace_id == raw.headers["x-kaname-trace-id"]
    assert (record.provider, record.target_model, record.requested_model) == ("ok", "mock-model", "support-bot")
    assert (record.key_id, record.project_id, record.outcome, record.stream) == ("key_1", "prj_1", "ok", False)
    assert orjson.loads(record.usage)["total_tokens"] == 12
    assert orjson.loads(record.request)["model"] == "support-bot"
    assert record.response == COMPLETION
    assert record.finish_reasons == ["stop"]


def test_stream_without_asking_for_usage_records_it_all_the_same(gateway: Gateway) -> None:
    stream = gateway.client().chat.completions.create(
        model="support-bot", messages=MESSAGES, stream=True, user="asks-not"
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "".join(f"語{i} " for i in range(10))
    assert all(c.choices for c in chunks), "the extra usage chunk is taken out"
    record = gateway.sink.wait(lambda r: r.user_id == "asks-not")
    assert orjson.loads(record.usage) == USAGE
    assert (record.finish_reasons, record.outcome, record.response_format) == (["stop"], "ok", "sse")
    assert record.ttft_ns is not None
    assert 0 < record.ttft_ns <= record.duration_ns


def test_stream_with_usage_passes_it(gateway: Gateway) -> None:
    stream = gateway.client().chat.completions.create(
        model="support-bot", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    assert [c.usage.total_tokens for c in stream if c.usage] == [19]


def test_async_client_streams_side_by_side(gateway: Gateway) -> None:
    import asyncio

    async def one(client: openai.AsyncOpenAI) -> int:
        stream = await client.chat.completions.create(model="support-bot", messages=MESSAGES, stream=True)
        return len([c async for c in stream])

    async def many() -> list[int]:
        async with openai.AsyncOpenAI(base_url=gateway.url, api_key="good", max_retries=0) as client:
            return await asyncio.gather(*(one(client) for _ in range(30)))

    assert asyncio.run(many()) == [12] * 30


def test_embeddings(gateway: Gateway) -> None:
    answer = gateway.client().embeddings.create(model="ok/embedder", input=["a"], encoding_format="float")
    assert answer.data[0].embedding == [0.1, -0.2]
    assert gateway.upstream.last("ok").json()["model"] == "embedder"


def test_models(gateway: Gateway) -> None:
    models = {m.id: m for m in gateway.client().models.list()}
    assert models["support-bot"].owned_by == "ok"
    assert models["tiny"].owned_by == "local"
    assert gateway.client().models.retrieve("tiny").to_dict()["context_window"] == 2048
    assert gateway.client().models.retrieve("ok/anything").id == "ok/anything"
    with pytest.raises(openai.NotFoundError):
        gateway.client().models.retrieve("no-such")


def test_errors_raise_the_right_exceptions(gateway: Gateway) -> None:
    client = gateway.client()
    with pytest.raises(openai.NotFoundError, match="support-bot") as missing:
        client.chat.completions.create(model="suport-bot", messages=MESSAGES)
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="429/m", messages=MESSAGES)
    with pytest.raises(openai.AuthenticationError) as unknown:
        openai.OpenAI(base_url=gateway.url, api_key="bad", max_retries=0).models.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError):
        openai.OpenAI(base_url=gateway.url, api_key="weak", max_retries=0).models.list()
    with pytest.raises(openai.InternalServerError) as silent:
        client.chat.completions.create(model="quick-hang", messages=MESSAGES)
    assert silent.value.status_code == 504


# ---- local models


def test_local_model_gets_its_own_key(gateway: Gateway) -> None:
    gateway.client().chat.completions.create(model="tiny", messages=MESSAGES)
    seen = gateway.upstream.last("ok")
    assert seen.headers["authorization"] == "Bearer local-secret"
    assert seen.json()["model"] == "tiny"


def test_context_overflow_has_openais_code(gateway: Gateway) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        gateway.client().chat.completions.create(model="local/context", messages=MESSAGES)
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
def test_demanding_a_tool_of_a_model_without_is_refused(gateway: Gateway, choice: object) -> None:
    status, _, body = call(gateway, "POST", "/v1/chat/completions", chat(model="tiny", tools=[], tool_choice=choice))
    assert (status, error_of(body)["code"], error_of(body)["param"]) == (400, "unsupported_parameter", "tool_choice")
    status, _, _ = call(gateway, "POST", "/v1/chat/completions", chat(model="local/ok", tool_choice=choice))
    assert status == 200


# ---- what is and isn't forwarded


def test_only_what_belongs_upstream_goes_there(gateway: Gateway) -> None:
    body = (
        b'{"model": "support-bot",\n "messages": [{"role": "user", "content": "\\u65e5\\u672c"}], '
        b'"seed": 9007199254740993, "temperature": 1.0}'
    )
    headers = {**GOOD, "x-kaname-session-id": "s1", "cookie": "a=b", "openai-organization": "org", "x-api-key": "other"}
    assert call(gateway, "POST", "/v1/chat/completions", body, headers)[0] == 200
    seen = gateway.upstream.last("ok")
    assert seen.headers["authorization"] == "Bearer sk-upstream-secret"
    assert not {"cookie", "x-api-key", "openai-organization", "traceparent"} & set(seen.headers)
    assert not [name for name in seen.headers if name.startswith("x-kaname")]
    assert b'"content": "\\u65e5\\u672c"' in seen.body, "values are forwarded byte for byte"
    assert b'"seed":9007199254740993' in seen.body
    assert seen.json()["model"] == "mock-model"


def test_the_span_joins_the_callers_trace(gateway: Gateway) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {
        **GOOD,
        "traceparent": f"00-{trace}-{parent}-01",
        "tracestate": "a=1",
        "x-kaname-session-id": "会話-1".encode().decode("latin-1"),
        "x-kaname-user-id": "u-1",
        "x-kaname-environment": "staging",
        "x-kaname-tags": "a, b",
        "x-kaname-metadata": '{"plan": "free"}',
        "x-stainless-retry-count": "2",
    }
    body = chat(metadata={"plan": "paid", "tier": "1"}, user="someone-else")
    _, reply, _ = call(gateway, "POST", "/v1/chat/completions", body, headers)
    record = gateway.sink.wait(lambda r: r.request_id == reply["x-request-id"])
    assert (record.trace_id, record.parent_span_id, record.trace_state) == (trace, parent, "a=1")
    assert (record.session_id, record.user_id, record.environment) == ("会話-1", "u-1", "staging")
    assert (record.tags, record.metadata) == (["a", "b"], {"plan": "free", "tier": "1"})
    assert record.client_retry_count == 2


# ---- bad input


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b'{"model": "\xff"}', "body"),
        (b'{"model": "support-bot", "messages": [{"role": "user", "content": "\\ud800"}]}', "body"),
        (b'{"model": "support-bot", "messages": [{"role": "user"}], "temperature": NaN}', "body"),
        (b'{"model": "support-bot", "messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "body"),
        (b'{"model": "a", "model": "support-bot", "messages": [{"role": "user"}]}', "model"),
        (b'{"model": "support-bot", "messages": [{"role": "user", "role": "system"}]}', "role"),
        (orjson.dumps({"messages": MESSAGES}), "model"),
        (chat(model=7), "model"),
        (chat(model="a\nb"), "model"),
        (chat(model="x" * 300), "model"),
        (orjson.dumps({"model": "support-bot"}), "messages"),
        (chat(messages=[]), "messages"),
        (chat(messages="hi"), "messages"),
        (chat(messages=["hi"]), "messages[0]"),
        (chat(messages=[{"content": "hi"}]), "messages[0].role"),
        (chat(stream="yes"), "stream"),
        (chat(stream=1), "stream"),
        (chat(stream_options={"include_usage": True}), "stream_options"),
        (chat(stream=True, stream_options={"include_usage": 1}), "stream_options.include_usage"),
    ],
)
def test_bad_bodies_name_the_parameter(gateway: Gateway, body: bytes, param: str) -> None:
    before = len(gateway.upstream.seen)
    status, reply, answer = call(gateway, "POST", "/v1/chat/completions", body)
    assert (status, error_of(answer)["param"], error_of(answer)["type"]) == (400, param, "invalid_request_error")
    assert len(gateway.upstream.seen) == before
    assert gateway.sink.wait(lambda r: r.request_id == reply["x-request-id"]).outcome == "error"


@pytest.mark.parametrize(
    ("name", "value"), [("x-kaname-metadata", "{"), ("x-kaname-metadata", "[1]"), ("x-kaname-session-id", "x" * 300)]
)
def test_bad_headers_name_themselves(gateway: Gateway, name: str, value: str) -> None:
    status, _, body = call(gateway, "POST", "/v1/chat/completions", chat(), {**GOOD, name: value})
    assert (status, error_of(body)["param"]) == (400, name)


def test_gzip_bodies(gateway: Gateway) -> None:
    headers = {**GOOD, "content-encoding": "gzip"}
    packed = gzip.compress(chat())
    assert call(gateway, "POST", "/v1/chat/completions", packed, headers)[0] == 200
    for bad in (packed[:-5], packed + b"x", b"plain"):
        status, _, body = call(gateway, "POST", "/v1/chat/completions", bad, headers)
        assert (status, error_of(body)["param"]) == (400, "body")
    bomb = gzip.compress(b" " * (64 << 20))
    status, _, body = call(gateway, "POST", "/v1/chat/completions", bomb, headers)
    assert (status, error_of(body)["code"]) == (413, "request_too_large")
    assert call(gateway, "POST", "/v1/chat/completions", packed, {**GOOD, "content-encoding": "br"})[0] == 415


def test_large_bodies_pass_up_to_the_limit(gateway: Gateway) -> None:
    body = chat(messages=[{"role": "user", "content": "x" * (8 << 20)}])
    _, reply, _ = call(gateway, "POST", "/v1/chat/completions", body)
    record = gateway.sink.wait(lambda r: r.request_id == reply["x-request-id"])
    assert (record.status, record.request_bytes, record.request_truncated) == (200, len(body), True)
    assert len(record.request) == 50_000
    status, _, answer = call(gateway, "POST", "/v1/chat/completions", b" " * (10 << 20))
    assert (status, error_of(answer)["code"]) == (413, "request_too_large")
    chunked = (b"x" * (1 << 20) for _ in range(10))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    try:
        connection.request("POST", "/v1/chat/completions", chunked, GOOD, encode_chunked=True)
    except ConnectionError:
        pass  # it was refused before we had sent it all
    else:
        assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/embeddings", 405),
        ("POST", "/v1/models", 405),
        ("POST", "/v1/nothing", 404),
        ("GET", "/v1/", 404),
        ("GET", "/v1/modelsx", 404),
    ],
)
def test_unknown_paths_and_methods_have_the_openai_shape(gateway: Gateway, method: str, path: str, status: int) -> None:
    got, headers, body = call(gateway, method, path)
    assert got == status
    assert error_of(body)["type"] == "invalid_request_error"
    assert ("allow" in headers) == (status == 405)


@pytest.mark.parametrize("headers", [{"x-api-key": "good"}, {"api-key": "good"}])
def test_other_key_headers(gateway: Gateway, headers: dict[str, str]) -> None:
    assert call(gateway, "GET", "/v1/models", headers=headers)[0] == 200


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": ""}, {"authorization": "Bearer"}, {"authorization": "Basic x"}]
)
def test_calls_without_a_key_are_refused_and_not_recorded(gateway: Gateway, headers: dict[str, str]) -> None:
    status, reply, body = call(gateway, "POST", "/v1/chat/completions", chat(), headers)
    assert (status, error_of(body)["code"]) == (401, "invalid_api_key")
    assert all(r.request_id != reply["x-request-id"] for r in gateway.sink.records)


# ---- configuration in motion


def test_a_changed_file_counts_and_a_bad_one_does_not(gateway: Gateway) -> None:
    old = gateway.config_path.read_text()
    try:
        gateway.config_path.write_text(old + '  fresh: {use: "ok/new-model"}\n')
        _until(lambda: "fresh" in gateway.app.config.current.models)
        gateway.client().chat.completions.create(model="fresh", messages=MESSAGES)
        assert gateway.upstream.last("ok").json()["model"] == "new-model"
        gateway.config_path.write_text(old + "  broken: {use: nowhere/x}\n")
        _until(lambda: bool(gateway.app.config.problem))
        assert "no provider is called 'nowhere'" in gateway.app.config.problem
        gateway.client().chat.completions.create(model="fresh", messages=MESSAGES)
    finally:
        gateway.config_path.write_text(old)
    _until(lambda: not gateway.app.config.problem)
    assert "fresh" not in gateway.app.config.current.models


def _until(condition: object) -> None:
    for _ in range(1000):
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_head_and_kept_alive_requests_get_whole_answers(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    for method, path, body in [
        ("HEAD", "/v1/models", b""),
        ("GET", "/v1/models", b""),
        ("POST", "/v1/chat/completions", chat()),
        ("POST", "/v1/chat/completions", chat(stream=True)),
        ("HEAD", "/v1/models", b""),
    ]:
        connection.request(method, path, body, GOOD)
        response = connection.getresponse()
        assert response.status == 200
        assert bool(response.read()) == (method != "HEAD")
    connection.close()
