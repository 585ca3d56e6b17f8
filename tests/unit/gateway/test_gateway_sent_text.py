"""What a call is charged whose upstream didn't say what it used."""

import orjson
import pytest

from kaname.gateway.limits.costs import read_usage
from kaname.gateway.model import GatewayRecord, Surface
from kaname.gateway.sent_text import SCANNED_BYTES, estimate_usage, sent_tokens

TEXT = "word " * 40
TOKENS = len(TEXT) // 4 + 1


def record(surface: Surface, response: bytes, *, usage: bytes = b"", sse: bool = False) -> GatewayRecord:
    return GatewayRecord(
        project_id="p", request_id="r", trace_id="t", span_id="s", surface=surface, start_ns=0, duration_ns=0,
        status=200, request=b"x" * 400, response=response,
        response_bytes=len(response), response_format="sse" if sse else "json",
        usage=usage,
    )  # fmt: skip


def sse(*documents: object) -> bytes:
    return b"".join(b"event: x\ndata: " + orjson.dumps(document) + b"\n\n" for document in documents)


def test_an_answer_of_each_surface_is_counted_by_its_text() -> None:
    chat = {"choices": [{"message": {"role": "assistant", "content": TEXT}}], "id": "not text", "object": "nor this"}
    messages = {"type": "message", "content": [{"type": "text", "text": TEXT}]}
    responses = {"output": [{"type": "message", "content": [{"type": "output_text", "text": TEXT}]}]}
    for surface, document in (("chat_completions", chat), ("messages", messages), ("responses", responses)):
        assert sent_tokens(record(surface, orjson.dumps(document))) == TOKENS  # type: ignore[arg-type]


def test_a_stream_is_counted_by_its_deltas_and_not_by_its_frame() -> None:
    half = TEXT[: len(TEXT) // 2]
    chat = sse(*({"id": "c", "choices": [{"index": 0, "delta": {"content": half}}]} for _ in range(2)))
    messages = sse(*({"type": "content_block_delta", "delta": {"type": "text_delta", "text": half}} for _ in range(2)))
    responses = sse(
        {"type": "response.created", "response": {"output": []}},
        *({"type": "response.output_text.delta", "delta": half} for _ in range(2)),
        {"type": "response.output_text.done", "text": TEXT},
        {"type": "response.completed", "response": {"output": [{"content": [{"text": TEXT}]}]}},
    )
    for surface, body in (("chat_completions", chat), ("messages", messages), ("responses", responses)):
        assert sent_tokens(record(surface, body, sse=True)) == TOKENS  # type: ignore[arg-type]


def test_a_long_stream_is_taken_to_be_like_its_beginning() -> None:
    event = sse({"choices": [{"delta": {"content": "four"}}]})
    n = 4 * SCANNED_BYTES // len(event)
    assert sent_tokens(record("chat_completions", event * n, sse=True)) == pytest.approx(n, rel=0.05)


def test_usage_of_a_silent_upstream_is_filled_and_flagged() -> None:
    silent = record("chat_completions", orjson.dumps({"choices": [{"message": {"content": TEXT}}]}))
    estimate_usage(silent, None)
    used = read_usage(silent.usage)
    assert used is not None
    assert (used.input_tokens, used.output_tokens) == (101, TOKENS)
    assert silent.usage_estimated


def test_a_broken_stream_pays_for_what_was_sent_and_keeps_what_the_upstream_said() -> None:
    usage = b'{"input_tokens":9,"output_tokens":1,"cache_read_input_tokens":5}'
    broken = record("messages", sse({"delta": {"text": TEXT}}), usage=usage, sse=True)
    estimate_usage(broken, read_usage(usage))
    used = read_usage(broken.usage)
    assert used is not None
    assert (used.input_tokens, used.output_tokens, used.buckets["cache_read"]) == (14, TOKENS, 5)


def test_an_upstream_that_said_more_is_believed() -> None:
    usage = b'{"prompt_tokens":9,"completion_tokens":9000}'
    broken = record("chat_completions", sse({"choices": [{"delta": {"content": TEXT}}]}), usage=usage, sse=True)
    estimate_usage(broken, read_usage(usage))
    assert broken.usage == usage
    assert not broken.usage_estimated


@pytest.mark.parametrize("surface", ["count_tokens", "moderations", "rerank", "images"])
def test_what_isnt_billed_by_tokens_is_left_alone(surface: Surface) -> None:
    answer = record(surface, b'{"input_tokens":20}')
    estimate_usage(answer, None)
    assert (answer.usage, answer.usage_estimated) == (b"", False)
