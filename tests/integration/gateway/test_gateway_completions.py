"""The official SDK's `completions` before targets that only chat, through the whole gateway, whole and streamed."""

from collections.abc import Iterator

import openai
import orjson
import pytest

from integration.gateway.conftest import Gateway, running_gateway
from integration.gateway.fault_upstream import BEHAVIOURS, Behaviour, FaultUpstream, fixed, stream_of
from integration.gateway.provider_upstream import PROVIDERS, speaking
from unit.gateway.dialects.wire_data import DATA, cases

CLAUDE = (DATA / "anthropic" / "text.sse").read_bytes()
CLAUDE_EVENTS = [event + b"\n\n" for event in CLAUDE.split(b"\n\n") if event.strip()]
MESSAGE = cases("anthropic/messages_to_chat_responses.json")[0]["anthropic"]
UPSTREAMS: dict[str, Behaviour] = {
    **PROVIDERS,
    "claude": speaking(MESSAGE, CLAUDE, "never"),
    "claude-cut": stream_of(*CLAUDE_EVENTS[:-2]),
    "claude-busy": fixed(
        "429 Too Many Requests",
        b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}',
        extra="retry-after: 7\r\n",
    ),
}
TARGETS = ["claude/claude-opus-4-7", "gemini/gemini-2.5-flash", "bedrock/m", "cohere/command-a-03-2025", "mistral/m"]


def config_text(port: int) -> str:
    url, up = f"http://127.0.0.1:{port}", "allow_private: true, keys: [{env: UP}]"
    claudes = "".join(
        f"  {name}: {{type: anthropic, base_url: '{url}/{name}/v1', {up}}}\n" for name in UPSTREAMS if "claude" in name
    )
    return f"""
providers:
{claudes}
  gemini: {{type: gemini, base_url: '{url}/gemini/v1beta', {up}}}
  bedrock: {{type: bedrock, region: eu-west-1, base_url: '{url}/bedrock', {up}}}
  cohere: {{type: cohere, base_url: '{url}/cohere/v2', {up}}}
  mistral: {{type: mistral, base_url: '{url}/mistral/v1', {up}}}
models:
  busy: {{use: claude-busy/m, retry: {{max: 0}}}}
  cut: {{use: claude-cut/m, retry: {{max: 0}}}}
  kept: {{use: claude/claude-opus-4-7, cache: {{exact: 1h}}}}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("completions")
    with (
        FaultUpstream({**BEHAVIOURS, **UPSTREAMS}) as upstream,
        running_gateway(folder, upstream, config_text(upstream.port)) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def gpt(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with gateway.client() as client:
        yield client


@pytest.mark.parametrize("model", TARGETS)
def test_a_prompt_is_answered_by_every_kind_of_chat(gateway: Gateway, gpt: openai.OpenAI, model: str) -> None:
    raw = gpt.completions.with_raw_response.create(model=model, prompt="Weather in Tokyo?", max_tokens=500)
    completion = raw.parse()
    assert (completion.object, completion.id[:5]) == ("text_completion", "cmpl-")
    assert completion.choices[0].finish_reason in ("stop", "length")
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0
    assert b"Weather in Tokyo?" in gateway.upstream.last(model.partition("/")[0]).body
    record = gateway.sink.wait(lambda r: r.request_id == raw.headers["x-request-id"])
    assert (record.surface, record.outcome, record.usage_format) == ("completions", "ok", "openai")
    assert orjson.loads(record.usage)["total_tokens"] == completion.usage.total_tokens


@pytest.mark.parametrize("model", TARGETS)
def test_a_stream_is_answered_by_every_kind_of_chat(gateway: Gateway, gpt: openai.OpenAI, model: str) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(gpt.completions.create(model=model, prompt=["Weather in Tokyo?"], **options))
    assert {chunk.object for chunk in chunks} == {"text_completion"}
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    *said, last = chunks
    assert (last.choices, last.usage.completion_tokens > 0) == ([], True)
    assert [chunk.choices[0].finish_reason for chunk in said][-1] in ("stop", "length")
    assert all(chunk.choices[0].finish_reason is None for chunk in said[:-1])
    assert all(chunk.usage is None for chunk in said)
    silent = list(gpt.completions.create(model=model, prompt="Weather in Tokyo?", stream=True))
    assert [chunk.choices[0].text for chunk in silent] == [chunk.choices[0].text for chunk in said]


def test_the_prompt_can_be_echoed_and_losses_are_named(gpt: openai.OpenAI) -> None:
    options = {"model": "cohere/command-a-03-2025", "prompt": "Say: ", "echo": True, "best_of": 2}
    raw = gpt.completions.with_raw_response.create(**options)
    assert raw.parse().choices[0].text.startswith("Say: LLMs")
    assert raw.headers["x-kaname-warnings"].startswith("best_of: ")
    assert "".join(chunk.choices[0].text for chunk in gpt.completions.create(**options, stream=True)) == (
        "Say: こんにちは😀"
    )


@pytest.mark.parametrize(
    ("change", "param"),
    [({"prompt": ["a", "b"]}, "prompt"), ({"prompt": [1, 2]}, "prompt"), ({"suffix": "."}, "suffix"),
     ({"logprobs": 1}, "logprobs"), ({"n": 2}, "n")],
)  # fmt: skip
def test_what_a_chat_cant_do_is_refused_before_it_is_called(
    gateway: Gateway, gpt: openai.OpenAI, change: dict[str, object], param: str
) -> None:
    before = gateway.upstream.count("claude")
    with pytest.raises(openai.BadRequestError) as refused:
        gpt.completions.create(**{"model": TARGETS[0], "prompt": "Hi", **change})
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", param)
    assert gateway.upstream.count("claude") == before


def test_failures_have_openais_shape(gateway: Gateway, gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as busy:
        gpt.completions.create(model="busy", prompt="Hi")
    assert (busy.value.code, busy.value.response.headers["retry-after"]) == ("rate_limit_exceeded", "7")
    seen = []
    with pytest.raises(openai.APIError) as cut:
        seen.extend(gpt.completions.create(model="cut", prompt="Hi", stream=True))
    assert cut.value.code == "upstream_cut"
    assert "".join(chunk.choices[0].text for chunk in seen)
    assert gateway.sink.wait(lambda r: r.requested_model == "cut").outcome == "incomplete"


def test_a_kept_answer_serves_a_stream(gpt: openai.OpenAI) -> None:
    whole = gpt.completions.create(model="kept", prompt="Again")
    raw = gpt.completions.with_raw_response.create(model="kept", prompt="Again", stream=True)
    assert raw.headers["x-kaname-cache"] == "hit"
    assert "".join(chunk.choices[0].text for chunk in raw.parse()) == whole.choices[0].text
