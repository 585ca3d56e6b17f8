"""Official SDKs before each family of providers, through the whole gateway: what goes upstream and what comes back."""

import asyncio
import base64
import struct
from collections.abc import Iterator
from contextlib import closing

import anthropic
import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from integration.gateway.conftest import UPSTREAM_KEY, Gateway, running_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, Behaviour, FaultUpstream, fixed
from integration.gateway.provider_upstream import PROVIDERS
from kaname.gateway.pool import Pool
from kaname.gateway.providers.signing import MAX_TOKEN_BYTES, PoolFetch
from kaname.kernel.errors import UpstreamError

ASK = [{"role": "user", "content": "Weather in Tokyo?"}]
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
ACCESS_KEY = "AKIDEXAMPLE000000:s/ecret+key:session=="
TOKENS: dict[str, Behaviour] = {
    "token": fixed("200 OK", b'{"access_token":"t"}'),
    "token-moved": fixed("302 Found", b"", extra="location: http://127.0.0.1:1/\r\n"),
    "token-large": fixed("200 OK", b"x" * (MAX_TOKEN_BYTES + 1)),
}


def config_text(port: int) -> str:
    url, up = f"http://127.0.0.1:{port}", "allow_private: true, keys: [{env: UP}]"
    gemini = "".join(f"  {name}: {{type: gemini, base_url: '{url}/{name}/v1beta', {up}}}\n"
                     for name in ("gemini", "gemini-key", "gemini-quota", "gemini-blocked"))  # fmt: skip
    bedrock = "".join(f"  {name}: {{type: bedrock, region: eu-west-1, base_url: '{url}/{name}', {up}}}\n"
                      for name in ("bedrock-throttled", "bedrock-broken", "bedrock-long"))  # fmt: skip
    return f"""
providers:
{gemini}{bedrock}
  bedrock:
    {{type: bedrock, region: eu-west-1, base_url: '{url}/bedrock', allow_private: true, keys: [{{env: AWS}}]}}
  azure: {{type: azure, api_version: 2024-10-21, base_url: '{url}/azure', {up}}}
  azure-v1: {{type: azure, base_url: '{url}/azure', {up}}}
  cohere: {{type: cohere, base_url: '{url}/cohere/v2', {up}}}
  mistral: {{type: mistral, base_url: '{url}/mistral/v1', {up}}}
  rerank: {{type: cohere, base_url: '{url}/rerank/v2', {up}}}
  vllm: {{type: vllm, base_url: '{url}/rerank/v1', {up}}}
models:
  picky:
    route: [{{targets: [{{use: gemini/gemini-2.5-flash}}], fallback: [azure-v1/gpt-4o]}}]
  throttled:
    route: [{{targets: [{{use: bedrock-throttled/m}}], fallback: [gemini/gemini-2.5-flash]}}]
    retry: {{max: 0}}
  quota: {{use: gemini-quota/m, retry: {{max: 0}}}}
  long:
    route: [{{targets: [{{use: bedrock-long/m}}], context_fallback: [gemini/gemini-2.5-flash]}}]
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("providers")
    with (
        FaultUpstream({**BEHAVIOURS, **PROVIDERS, **TOKENS}) as upstream,
        running_gateway(folder, upstream, config_text(upstream.port), environment={"AWS": ACCESS_KEY}) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def gpt(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with gateway.client() as client:
        yield client


@pytest.fixture(scope="module")
def claude(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    url = gateway.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key="good", max_retries=0) as client:
        yield client


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


# ---- Gemini


def test_gemini_answer(gateway: Gateway, gpt: openai.OpenAI) -> None:
    completion = gpt.chat.completions.create(model="gemini/gemini-2.5-flash", messages=ASK, max_tokens=5, user="u")
    assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == ("Once upon", "stop")
    assert (completion.usage.prompt_tokens, completion.usage.prompt_tokens_details.cached_tokens) == (264, 200)
    seen = gateway.upstream.last("gemini")
    assert seen.path == "/gemini/v1beta/models/gemini-2.5-flash:generateContent"
    assert seen.headers["x-goog-api-key"] == UPSTREAM_KEY
    assert "authorization" not in seen.headers
    assert seen.json() == {
        "contents": [{"role": "user", "parts": [{"text": "Weather in Tokyo?"}]}],
        "generationConfig": {"maxOutputTokens": 5},
    }
    record = gateway.sink.wait(lambda record: record.response_id == completion.id)
    assert (record.provider_type, record.usage_format, record.outcome) == ("gemini", "openai", "ok")
    assert b'"prompt_tokens":264' in record.usage


def test_gemini_stream_and_the_turn_after_it(gateway: Gateway, gpt: openai.OpenAI) -> None:
    model = "gemini/gemini-3-pro"
    options = {"stream_options": {"include_usage": True}}
    with gpt.chat.completions.stream(model=model, messages=ASK, tools=[TOOL], **options) as stream:
        completion = stream.get_final_completion()
    message = completion.choices[0].message
    assert [call.function.arguments for call in message.tool_calls] == ['{"location":"東京"}', "{}"]
    assert (completion.choices[0].finish_reason, completion.usage.completion_tokens) == ("tool_calls", 29)
    assert gateway.upstream.last("gemini").path.endswith("gemini-3-pro:streamGenerateContent?alt=sse")
    results = [{"role": "tool", "tool_call_id": call.id, "content": "1"} for call in message.tool_calls]
    turns = [*ASK, message.model_dump(exclude_none=True), *results]
    gpt.chat.completions.create(model=model, messages=turns, tools=[TOOL])
    called = gateway.upstream.last("gemini").json()["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in called] == ["SigA", None]


def test_gemini_for_anthropics_client(gateway: Gateway, claude: anthropic.Anthropic) -> None:
    model, tools = "gemini/gemini-3-pro", [{"name": "get_weather", "input_schema": {"type": "object"}}]
    whole = claude.messages.create(model=model, max_tokens=50, messages=ASK)
    assert (whole.content[-1].text, whole.usage.input_tokens, whole.usage.cache_read_input_tokens) == (
        "Once upon", 64, 200,
    )  # fmt: skip
    with claude.messages.stream(model=model, max_tokens=50, messages=ASK, tools=tools) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "tool_use", "tool_use"]
    assert (message.stop_reason, message.content[1].input) == ("tool_use", {"location": "東京"})
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "1"} for block in message.content[1:]
    ]  # fmt: skip
    turns = [*ASK, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    claude.messages.create(model=model, max_tokens=50, messages=turns, tools=tools)
    called = gateway.upstream.last("gemini").json()["contents"][1]["parts"]
    assert called[0]["thoughtSignature"] == "SigA"


def test_gemini_embeddings(gateway: Gateway, gpt: openai.OpenAI) -> None:
    model = "gemini/gemini-embedding-001"
    raw = gpt.embeddings.with_raw_response.create(model=model, input="x", encoding_format="base64")
    body = raw.http_response.json()
    assert struct.unpack("<2f", base64.b64decode(body["data"][0]["embedding"])) == (0.5, -1.0)
    assert (body["model"], body["usage"]["total_tokens"]) == ("gemini/gemini-embedding-001", 1)
    assert raw.headers["x-kaname-warnings"].startswith("usage: ")
    assert gpt.embeddings.create(model="gemini/gemini-embedding-001", input=["x"]).data[0].embedding == [0.5, -1.0]
    assert gateway.upstream.last("gemini").path.endswith("/models/gemini-embedding-001:batchEmbedContents")


def test_gemini_failures(gateway: Gateway, gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as bad_key:
        gpt.chat.completions.create(model="gemini-key/m", messages=ASK)
    assert (bad_key.value.status_code, bad_key.value.code) == (502, "upstream_credentials_exhausted")
    with pytest.raises(openai.RateLimitError) as quota:
        gpt.chat.completions.create(model="quota", messages=ASK)
    assert (quota.value.code, quota.value.type) == ("rate_limit_exceeded", "requests")
    assert quota.value.response.headers["retry-after"] in ("17", "18")
    blocked = gpt.chat.completions.create(model="gemini-blocked/m", messages=ASK).choices[0]
    assert (blocked.finish_reason, blocked.message.refusal) == ("content_filter", "the prompt was blocked: SAFETY")


def test_what_a_target_can_t_say_goes_to_the_next(gpt: openai.OpenAI) -> None:
    raw = gpt.chat.completions.with_raw_response.create(model="picky", messages=ASK, logprobs=True)
    assert raw.headers["x-kaname-target"] == "azure-v1/gpt-4o"
    assert raw.parse().choices[0].message.content == "Hello"
    with pytest.raises(openai.BadRequestError) as refused:
        gpt.chat.completions.create(model="gemini/gemini-2.5-flash", messages=ASK, n=2)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "n")


# ---- Bedrock


def test_bedrock_answer(gateway: Gateway, gpt: openai.OpenAI) -> None:
    model = "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0"
    completion = gpt.chat.completions.create(model=model, messages=ASK, tools=[TOOL])
    assert completion.model == model
    assert completion.id.startswith("chatcmpl-")
    message = completion.choices[0].message
    assert message.tool_calls[0].function.arguments == '{"sign":"WZPZ"}'
    assert message.model_extra["thinking_blocks"][0]["signature"] == "EqQB"
    seen = gateway.upstream.last("bedrock")
    assert seen.path == "/bedrock/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse"
    authorization = seen.headers["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE000000/")
    assert (
        "/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"
        in authorization
    )
    assert seen.headers["x-amz-security-token"] == "session=="
    assert ACCESS_KEY.split(":")[1] not in str(seen.headers)


def test_bedrock_stream(gateway: Gateway, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    model = "bedrock/anthropic.claude-x"
    with gpt.chat.completions.stream(model=model, messages=ASK, stream_options={"include_usage": True}) as stream:
        completion = stream.get_final_completion()
    message = completion.choices[0].message
    assert (message.content, message.tool_calls[0].function.arguments) == ("こんにちは😀", '{"sign": "WZPZ"}')
    assert completion.usage.prompt_tokens_details.cached_tokens == 10
    assert gateway.upstream.last("bedrock").path.endswith("/converse-stream")
    with claude.messages.stream(model=model, max_tokens=10, messages=ASK) as events:
        said = events.get_final_message()
    assert [block.type for block in said.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert (said.content[0].signature, said.usage.input_tokens) == ("EqQB", 47)


def test_bedrock_failures(gpt: openai.OpenAI) -> None:
    raw = gpt.chat.completions.with_raw_response.create(model="throttled", messages=ASK, stream=True)
    assert raw.headers["x-kaname-target"] == "gemini/gemini-2.5-flash"
    raw.http_response.close()
    seen: list[str] = []
    with pytest.raises(openai.APIError, match="checksum"):
        seen.extend(
            chunk.choices[0].delta.content or ""
            for chunk in gpt.chat.completions.create(model="bedrock-broken/m", messages=ASK, stream=True)
        )
    assert "".join(seen) == "こんにちは😀"
    raw = gpt.chat.completions.with_raw_response.create(model="long", messages=ASK)
    assert raw.headers["x-kaname-target"] == "gemini/gemini-2.5-flash"
    with pytest.raises(openai.BadRequestError) as long:
        gpt.chat.completions.create(model="bedrock-long/m", messages=ASK)
    assert long.value.code == "context_length_exceeded"


def test_bedrock_embeddings(gateway: Gateway, gpt: openai.OpenAI) -> None:
    answer = gpt.embeddings.create(model="bedrock/amazon.titan-embed-text-v2:0", input="x")
    assert (answer.data[0].embedding, answer.usage.prompt_tokens) == ([0.25], 5)
    assert gateway.upstream.last("bedrock").json() == {"inputText": "x"}


# ---- Azure


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("azure", "/azure/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"),
        ("azure-v1", "/azure/openai/v1/chat/completions"),
    ],
)
def test_azure(gateway: Gateway, gpt: openai.OpenAI, claude: anthropic.Anthropic, provider: str, path: str) -> None:
    model = f"{provider}/my-gpt"
    assert gpt.chat.completions.create(model=model, messages=ASK).choices[0].message.content == "Hello"
    seen = gateway.upstream.last("azure")
    assert (seen.path, seen.headers["api-key"], seen.json()["model"]) == (path, UPSTREAM_KEY, "my-gpt")
    assert "authorization" not in seen.headers
    chunks = list(gpt.chat.completions.create(model=model, messages=ASK, stream=True))
    assert chunks[0].choices == []
    text = text_of(chunks)
    assert text
    with claude.messages.stream(model=model, max_tokens=9, messages=ASK) as stream:
        message = stream.get_final_message()
    assert message.content[0].text == text
    assert message.id.startswith("msg_")


# ---- Cohere, Mistral, rerank


def test_cohere(gateway: Gateway, gpt: openai.OpenAI) -> None:
    completion = gpt.chat.completions.create(model="cohere/command-a-03-2025", messages=ASK, top_p=0.5)
    assert completion.choices[0].message.content.startswith("LLMs")
    seen = gateway.upstream.last("cohere")
    assert (seen.path, seen.headers["authorization"]) == ("/cohere/v2/chat", f"Bearer {UPSTREAM_KEY}")
    assert seen.json() == {"model": "command-a-03-2025", "messages": ASK, "stream": False, "p": 0.5}
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(gpt.chat.completions.create(model="cohere/command-a-03-2025", messages=ASK, **options))
    assert (text_of(chunks), chunks[-1].usage.total_tokens) == ("こんにちは😀", 13)
    purpose = {"input_type": "search_query"}
    answer = gpt.embeddings.create(model="cohere/embed-v4.0", input=["a", "b"], extra_body=purpose)
    assert ([item.embedding for item in answer.data], answer.usage.prompt_tokens) == ([[1.0], [2.0]], 4)
    assert gateway.upstream.last("cohere").json()["input_type"] == "search_query"


def test_mistral(gateway: Gateway, gpt: openai.OpenAI) -> None:
    assert gpt.chat.completions.create(model="mistral/m", messages=ASK, seed=3).choices[0].message.content == "Hello"
    assert gateway.upstream.last("mistral").json() == {"model": "m", "messages": ASK, "random_seed": 3}
    chunks = list(gpt.chat.completions.create(model="mistral/m", messages=ASK, stream=True))
    assert text_of(chunks) == "Okay"
    assert chunks[1].choices[0].delta.model_extra == {"reasoning_content": "Hm 考"}
    assert "stream_options" not in gateway.upstream.last("mistral").json()


@pytest.mark.parametrize(("provider", "path"), [("rerank", "/rerank/v2/rerank"), ("vllm", "/rerank/v1/rerank")])
def test_rerank(gateway: Gateway, provider: str, path: str) -> None:
    document = {"model": f"{provider}/m", "query": "q", "documents": ["a", "b"], "top_n": 2}
    reply = httpx.post(f"{gateway.url}/rerank", json=document, headers={"authorization": "Bearer good"})
    assert [result["index"] for result in reply.json()["results"]] == [1, 0]
    seen = gateway.upstream.last("rerank")
    assert (seen.path, seen.json()) == (path, {**document, "model": "m"})


# ---- where tokens come from


def test_tokens_are_fetched_without_redirects(gateway: Gateway) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        with closing(Pool(loop)) as pool:
            fetch = PoolFetch(pool, loop, port=gateway.upstream.port, scheme="http")
            token = await fetch("127.0.0.1", "/token/x", b"grant_type=g")
            assert token == (200, b'{"access_token":"t"}')
            seen = gateway.upstream.last("token")
            assert (seen.body, seen.headers["content-type"]) == (b"grant_type=g", "application/x-www-form-urlencoded")
            assert (await fetch("127.0.0.1", "/token-moved/x", b"")).status == 302
            with pytest.raises(UpstreamError, match="larger"):
                await fetch("127.0.0.1", "/token-large/x", b"")

    asyncio.run(run())
