"""Cached routes as clients see them: official SDKs, raw HTTP where headers matter."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
from anthropic import Anthropic

from integration.gateway_cache.conftest import CachingGateway

_questions = itertools.count()


def ask(model: str, text: str = "", **more: object) -> dict[str, object]:
    """A request that nothing else in the module makes, unless a text is given."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": text or f"question {next(_questions)}"}],
        **more,
    }


def post(
    caching: CachingGateway, body: dict[str, object], key: str = "good", path: str = "/chat/completions", **headers: str
) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    url = caching.gateway.url + path
    return httpx.post(url, json=body, headers={"authorization": f"Bearer {key}", **sent}, timeout=20)


def cache_of(reply: httpx.Response) -> str | None:
    return reply.headers.get("x-kaname-cache")


def test_the_second_identical_request_is_a_hit_that_costs_nothing(caching: CachingGateway) -> None:
    body = ask("cached")
    first, second = post(caching, body), post(caching, body)
    assert (cache_of(first), cache_of(second)) == ("miss", "hit")
    assert second.content == first.content
    assert int(second.headers["age"]) >= 0
    hit = caching.gateway.sink.wait(lambda r: r.request_id == second.headers["x-request-id"])
    miss = caching.gateway.sink.wait(lambda r: r.request_id == first.headers["x-request-id"])
    assert (hit.cache, hit.cached_span_id, hit.cost_nano_usd, hit.usage) == ("hit", miss.span_id, 0, b"")
    assert (hit.provider, hit.target_model, hit.attempts) == ("up", "m", [])


def test_a_route_without_a_cache_says_nothing_about_one(caching: CachingGateway) -> None:
    body = ask("plain")
    assert cache_of(post(caching, body)) is None
    assert post(caching, body).json()["id"] != post(caching, body).json()["id"]


def test_who_asks_and_how_it_is_delivered_makes_no_difference(caching: CachingGateway) -> None:
    body = ask("cached")
    first = post(caching, {**body, "user": "alice", "metadata": {"a": "b"}})
    again = post(caching, {**body, "user": "bob", "safety_identifier": "x", "store": False})
    assert (cache_of(first), cache_of(again)) == ("miss", "hit")
    assert cache_of(post(caching, {**body, "temperature": 0.5})) == "miss"


def test_a_key_s_answers_are_its_own_unless_the_route_shares_them(caching: CachingGateway) -> None:
    own, shared = ask("cached"), ask("shared")
    assert cache_of(post(caching, own)) == cache_of(post(caching, own, key="second")) == "miss"
    assert cache_of(post(caching, shared)) == "miss"
    assert cache_of(post(caching, shared, key="second")) == "hit"
    assert cache_of(post(caching, shared, key="stranger")) == "miss"
    assert cache_of(post(caching, shared, key="second", x_kaname_cache="scope=key")) == "miss"


def test_the_step_of_the_route_counts(caching: CachingGateway) -> None:
    body = ask("tiers")
    free = {**body, "metadata": {"plan": "free"}}
    assert cache_of(post(caching, body)) == cache_of(post(caching, free)) == "miss"
    assert cache_of(post(caching, body)) == cache_of(post(caching, free)) == "hit"


def test_an_answer_grows_too_old(caching: CachingGateway) -> None:
    body = ask("brief")
    assert cache_of(post(caching, body)) == "miss"
    time.sleep(0.1)
    assert cache_of(post(caching, body)) == "miss"


@pytest.mark.parametrize(
    ("header", "value", "reads", "stores"),
    [
        ("cache-control", "no-cache", False, True),
        ("cache-control", "no-store", True, False),
        ("cache-control", "max-age=0", False, True),
        ("x-kaname-cache", "off", False, False),
        ("x-kaname-cache", "no-cache, no-store", False, False),
    ],
)
def test_a_request_can_keep_out_of_the_cache(
    caching: CachingGateway, header: str, value: str, reads: bool, stores: bool
) -> None:
    body = ask("cached")
    headers = {header.replace("-", "_"): value}
    assert cache_of(post(caching, body, **headers)) == ("miss" if reads else "bypass")
    assert cache_of(post(caching, body)) == ("hit" if stores else "miss")
    kept = post(caching, body)
    assert (post(caching, body, **headers).content == kept.content) is reads


def test_the_body_s_metadata_can_say_it_too(caching: CachingGateway) -> None:
    body = ask("cached")
    post(caching, body)
    assert cache_of(post(caching, {**body, "metadata": {"kaname_cache": "off"}})) == "bypass"


def test_an_unknown_word_is_refused(caching: CachingGateway) -> None:
    reply = post(caching, ask("cached"), x_kaname_cache="scope=world")
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "x-kaname-cache"


def test_errors_and_filtered_answers_are_not_kept(caching: CachingGateway) -> None:
    for model in ("fails", "filtered"):
        body = ask(model)
        before = caching.calls
        post(caching, body)
        assert cache_of(post(caching, body)) == "miss"
        assert caching.calls == before + 2


def test_openai_sdk_streams_what_was_kept_whole_and_the_reverse(caching: CachingGateway) -> None:
    client = caching.gateway.client()
    messages = ask("cached")["messages"]
    whole = client.chat.completions.create(model="cached", messages=messages)  # type: ignore[arg-type]
    options = {"include_usage": True}
    stream = client.chat.completions.create(model="cached", messages=messages, stream=True, stream_options=options)  # type: ignore[call-overload]
    chunks = list(stream)
    assert stream.response.headers["x-kaname-cache"] == "hit"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 4
    assert chunks[-1].usage == whole.usage

    messages = ask("cached")["messages"]
    parts = list(client.chat.completions.create(model="cached", messages=messages, stream=True))  # type: ignore[call-overload]
    reply = client.chat.completions.with_raw_response.create(model="cached", messages=messages)  # type: ignore[arg-type]
    assert reply.headers["x-kaname-cache"] == "hit"
    answer = reply.parse()
    assert answer.choices[0].message.content == "".join(part.choices[0].delta.content or "" for part in parts)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    again = list(client.chat.completions.create(model="cached", messages=messages, stream=True))  # type: ignore[call-overload]
    assert again == parts


def test_openai_sdk_tool_calls_survive(caching: CachingGateway) -> None:
    client = caching.gateway.client()
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    body = ask("cached", tools=[tool])
    whole = client.chat.completions.create(**body)  # type: ignore[call-overload]
    with client.chat.completions.stream(**body) as stream:  # type: ignore[arg-type]
        final = stream.get_final_completion()
    call = whole.choices[0].message.tool_calls[0]
    kept = final.choices[0].message.tool_calls[0]  # type: ignore[index]
    assert (kept.id, kept.function.name, kept.function.arguments) == (
        call.id,
        call.function.name,
        call.function.arguments,
    )


def test_openai_sdk_responses(caching: CachingGateway) -> None:
    client = caching.gateway.client()
    question = f"question {next(_questions)}"
    whole = client.responses.create(model="shared", input=question, metadata={"who": "alice"})
    with client.responses.stream(model="shared", input=question, metadata={"who": "bob"}) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == whole.output_text
    assert (whole.metadata, final.metadata) == ({"who": "alice"}, {"who": "bob"})
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert whole.id == final.id


def test_openai_sdk_completions_embeddings_and_rerank(caching: CachingGateway) -> None:
    client = caching.gateway.client()
    prompt = f"question {next(_questions)}"
    first = client.completions.create(model="cached", prompt=prompt)
    parts = list(client.completions.create(model="cached", prompt=prompt, stream=True))
    assert "".join(part.choices[0].text for part in parts) == first.choices[0].text
    vectors = [client.embeddings.create(model="cached", input=prompt).data[0].embedding for _ in range(2)]
    assert vectors[0] == vectors[1]
    body = {"model": "rank", "query": prompt, "documents": ["a"]}
    replies = [post(caching, body, path="/rerank") for _ in range(2)]
    assert [cache_of(reply) for reply in replies] == ["miss", "hit"]
    assert replies[0].content == replies[1].content


@pytest.mark.parametrize("stream_first", [False, True])
def test_anthropic_sdk(caching: CachingGateway, stream_first: bool) -> None:
    client = Anthropic(base_url=f"http://127.0.0.1:{caching.gateway.port}", api_key="good", max_retries=0)
    body = {**ask("claude"), "max_tokens": 100}

    def whole() -> object:
        return client.messages.create(**body)  # type: ignore[call-overload]

    def streamed() -> object:
        with client.messages.stream(**body) as stream:  # type: ignore[arg-type]
            return stream.get_final_message()

    before = caching.calls
    first, second = (streamed(), whole()) if stream_first else (whole(), streamed())
    assert caching.calls == before + 1
    assert first.model_dump(exclude_none=True) == second.model_dump(exclude_none=True)  # type: ignore[attr-defined]


def test_translated_answers_are_kept_as_the_client_got_them(caching: CachingGateway) -> None:
    body = ask("claude-for-chat")
    first, second = post(caching, body), post(caching, body)
    assert (cache_of(first), cache_of(second)) == ("miss", "hit")
    assert first.json()["object"] == "chat.completion"
    assert second.json()["choices"] == first.json()["choices"]


def post_until_let_in(caching: CachingGateway, body: dict[str, object]) -> httpx.Response:
    """As a client does that meets a gateway behind with its work: a hundred threads share its processor here."""
    while (reply := post(caching, body)).status_code == 503:
        time.sleep(0.1)
    return reply


def test_a_hundred_identical_requests_are_one_upstream_call(caching: CachingGateway) -> None:
    body = ask("slow")
    before = caching.calls
    with ThreadPoolExecutor(100) as pool:
        replies = list(pool.map(lambda i: post_until_let_in(caching, {**body, "stream": bool(i % 2)}), range(100)))
    assert caching.calls == before + 1
    assert {reply.status_code for reply in replies} == {200}
    assert [cache_of(reply) for reply in replies].count("miss") == 1
    count = caching.gateway.app.cache.stats().routes["slow"]  # type: ignore[union-attr]
    assert (count.misses, count.hits, count.stored) == (1, 99, 1)


def test_a_failing_leader_fails_nobody_else(caching: CachingGateway) -> None:
    body = ask("slow-fails")
    before = caching.calls
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: post(caching, body), range(4)))
    assert {reply.status_code for reply in replies} == {502}
    assert caching.calls == before + 4


def test_similar_questions_are_answered_alike(caching: CachingGateway) -> None:
    first = post(caching, ask("similar", "What is the capital of France?"))
    near = post(caching, ask("similar", "What's the capital city of France?"), key="second")
    assert (cache_of(first), cache_of(near)) == ("miss", "hit")
    assert float(near.headers["x-kaname-cache-similarity"]) >= 0.95
    assert near.content == first.content
    record = caching.gateway.sink.wait(lambda r: r.request_id == near.headers["x-request-id"])
    assert record.cache == "semantic_hit"
    other = {"role": "system", "content": "Answer in German."}
    cases = {
        "another word": ask("similar", "What is the anthem of France?"),
        "another topic": ask("similar", "What is the capital of Japan?"),
        "other parameters": ask("similar", "What's the capital, of France?", temperature=0.3),
        "another system prompt": {
            **ask("similar"),
            "messages": [other, {"role": "user", "content": "France: which capital?"}],
        },
        "a long conversation": {
            **ask("similar"),
            "messages": [
                {"role": "user", "content": "Hello France"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Well"},
                {"role": "assistant", "content": "Yes?"},
                {"role": "user", "content": "The capital of France?"},
            ],
        },
    }
    assert {name: cache_of(post(caching, body)) for name, body in cases.items()} == dict.fromkeys(cases, "miss")
    exact = ask("similar", "And the capital of France again?")
    assert cache_of(post(caching, exact, x_kaname_cache="exact")) == "miss"


def test_an_idempotency_key_gives_the_first_answer_again(caching: CachingGateway) -> None:
    body = ask("plain")
    first = post(caching, body, idempotency_key="a-1")
    again = post(caching, body, idempotency_key="a-1")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert post(caching, body, key="second", idempotency_key="a-1").content != first.content
    other = post(caching, ask("plain"), idempotency_key="a-1")
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_key_reused"
    assert set(other.json()["error"]) == {"message", "type", "param", "code"}


def test_a_repeat_waits_for_the_call_under_way(caching: CachingGateway) -> None:
    body = ask("slow")
    before = caching.calls
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: post(caching, body, idempotency_key="a-2", x_kaname_cache="off"), range(8)))
    assert caching.calls == before + 1
    assert len({reply.content for reply in replies}) == 1


def test_a_failed_call_may_be_repeated_under_its_key(caching: CachingGateway) -> None:
    body = ask("fails")
    before = caching.calls
    assert [post(caching, body, idempotency_key="a-3").status_code for _ in range(2)] == [502, 502]
    assert caching.calls == before + 2


def test_the_anthropic_surface_says_it_in_its_own_words(caching: CachingGateway) -> None:
    body = {**ask("claude"), "max_tokens": 10}
    post(caching, body, path="/messages", idempotency_key="a-4")
    other = {**ask("claude"), "max_tokens": 10}
    reply = post(caching, other, path="/messages", idempotency_key="a-4")
    assert reply.status_code == 422
    assert reply.json()["type"] == "error"
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_the_openai_sdk_raises_for_a_reused_key(caching: CachingGateway) -> None:
    client = caching.gateway.client()
    headers = {"idempotency-key": "a-5"}
    client.chat.completions.create(**ask("plain"), extra_headers=headers)  # type: ignore[call-overload]
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(**ask("plain"), extra_headers=headers)  # type: ignore[call-overload]


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
def test_an_unusable_idempotency_key_is_refused(caching: CachingGateway, key: str) -> None:
    headers = {"authorization": "Bearer good", "idempotency-key": key.encode("latin-1")}
    reply = httpx.post(caching.gateway.url + "/chat/completions", json=ask("plain"), headers=headers)  # type: ignore[arg-type]
    assert reply.status_code == 400
