"""What every kind of provider must do. Subclass it in a test module with a fixture `wire`.

From a client's request to the upstream's bytes, and from the upstream's bytes, as its vendor documents them, to what
the client reads: whole and streamed, with tools, with errors, cut off and broken. No connection is opened. Each test
holds for formats that are passed and for those that are translated.
"""

from collections.abc import Sequence
from typing import Final, cast

import orjson
import pytest

from kaname.gateway.answer import read_answer, read_error
from kaname.gateway.dialects.model import Document
from kaname.gateway.failure import FailureKind, failure_of_status
from kaname.gateway.openai_errors import to_wire
from kaname.gateway.stream import event_data, split_events
from kaname.gateway.wire import Wire
from kaname.kernel.errors import InvalidInputError, UpstreamError
from kaname.testing.provider_talk import CHATS, ProviderWire, SaidCall, Talk

_KINDS: Final[dict[int, FailureKind]] = {
    400: "permanent",
    401: "credentials",
    429: "rate_limited",
    500: "transient",
}
_TOOLS: Final[list[Document]] = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "now"}},
]
_PIECES: Final = (1, 2, 7, 64, 100_000)


class ProviderContract:
    """The contract of `Adapter` and its codecs."""

    # ---- requests

    def test_every_surface_that_chats_reaches_it(self, wire: ProviderWire) -> None:
        for surface in CHATS:
            talk = Talk(wire, surface)
            for stream in (False, True):
                sent = talk.send(talk.ask(stream=stream))
                assert b"Weather in Tokyo?" in orjson.dumps(sent)
                assert wire.model in (sent.get("model"), *_unquoted(talk.path(stream=stream)))

    def test_a_model_s_name_can_t_change_the_path(self, wire: ProviderWire) -> None:
        talk = Talk(wire, "chat_completions")
        target = talk.target.target
        plain = talk.path(stream=False).count("/")
        odd = wire.adapter.native_path("chat_completions", "../a?b#c d", wire.options, stream=False)
        if odd is None:
            translation = wire.adapter.codec("chat_completions", target.model)
            assert translation is not None
            odd = translation.path("../a?b#c d", wire.options, False)
        assert (odd.count("/"), "#" in odd, " " in odd) == (plain, False, False)
        assert odd.isascii()

    def test_what_it_can_t_say_is_said_or_refused(self, wire: ProviderWire) -> None:
        for name, value in (("n", 2), ("logprobs", True), ("audio", {"voice": "alloy", "format": "wav"})):
            talk, refused = Talk(wire, "chat_completions"), None
            sent: Document = {}
            try:
                sent = talk.send(talk.ask(**{name: value}))
            except InvalidInputError as e:
                refused = e
            if refused is not None:
                assert (refused.code, refused.param) == ("unsupported_parameter", name)
            else:
                assert name in orjson.dumps(sent).decode().lower()

    # ---- whole answers

    def test_a_text_is_the_same_on_every_surface(self, wire: ProviderWire) -> None:
        for surface in CHATS:
            talk = Talk(wire, surface)
            if _is_chat(talk):
                assert talk.said(talk.read(wire.text)) == wire.text_said

    def test_a_whole_answer_has_everything(self, wire: ProviderWire) -> None:
        answer = Talk(wire, "chat_completions").read(wire.text)
        assert answer["object"] == "chat.completion"
        assert answer["id"]
        assert answer["model"]
        assert answer["created"]
        [choice] = cast("list[Document]", answer["choices"])
        assert (choice["index"], choice["finish_reason"]) == (0, "stop")
        assert cast("Document", choice["message"])["role"] == "assistant"
        _check_usage(answer["usage"])
        read = read_answer(orjson.dumps(answer))
        assert (read.finish_reasons, read.id) == (["stop"], answer["id"])

    def test_calls_of_tools_can_be_answered(self, wire: ProviderWire) -> None:
        talk = Talk(wire, "chat_completions")
        answer = talk.read(wire.tools, talk.ask(tools=_TOOLS))
        [choice] = cast("list[Document]", answer["choices"])
        message = cast("Document", choice["message"])
        calls = cast("list[Document]", message["tool_calls"])
        assert choice["finish_reason"] == "tool_calls"
        assert _said(calls) == list(wire.tools_said)
        self._answer_calls(wire, message, calls)

    # ---- streams

    def test_a_stream_is_the_same_however_it_is_cut(self, wire: ProviderWire) -> None:
        whole = b"".join(wire.text_events)
        for surface in CHATS:
            talk, seen = Talk(wire, surface), set[str]()
            if not _is_chat(talk):
                continue
            for size in _PIECES:
                relay = talk.relay()
                stream = b"".join(relay.feed(whole[i : i + size]) for i in range(0, len(whole), size)) + relay.finish()
                seen.add(talk.said(talk.assemble(stream)))
                end = relay.end()
                assert (relay.done, relay.content_seen, relay.malformed) == (True, True, 0)
                assert (len(end.finish_reasons), end.error) == (1, None)
                _check_usage(orjson.loads(end.usage))
            assert seen == {wire.text_events_said}

    def test_a_stream_has_one_id_and_one_end(self, wire: ProviderWire) -> None:
        relay = Talk(wire, "chat_completions").relay()
        chunks = _chunks(relay.feed(b"".join(wire.text_events)) + relay.finish())
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1
        assert all(chunk["id"] and chunk["created"] and chunk["model"] for chunk in chunks)
        choices = [choice for chunk in chunks for choice in cast("list[Document]", chunk["choices"])]
        assert cast("Document", choices[0]["delta"])["role"] == "assistant"
        reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
        assert reasons in (["stop"], ["length"])

    def test_streamed_calls_of_tools_can_be_answered(self, wire: ProviderWire) -> None:
        talk = Talk(wire, "chat_completions")
        relay = talk.relay()
        stream = relay.feed(b"".join(wire.tool_events)) + relay.finish()
        assert relay.end().finish_reasons == ["tool_calls"]
        assert relay.content_seen
        indices: list[int] = []
        for chunk in _chunks(stream):
            for choice in cast("list[Document]", chunk["choices"]):
                for call in cast("list[Document]", cast("Document", choice["delta"]).get("tool_calls") or []):
                    if call["index"] not in indices:
                        assert call["id"]
                        assert call["type"] == "function"
                        assert cast("Document", call["function"])["name"]
                        indices.append(cast("int", call["index"]))
        assert indices == list(range(len(wire.tool_events_said)))
        [choice] = cast("list[Document]", talk.assemble(stream)["choices"])
        message = cast("Document", choice["message"])
        calls = cast("list[Document]", message["tool_calls"])
        assert _said(calls) == list(wire.tool_events_said)
        self._answer_calls(wire, message, calls)

    def test_a_stream_that_breaks_off_never_looks_whole(self, wire: ProviderWire) -> None:
        events = wire.text_events
        for surface in CHATS:
            talk = Talk(wire, surface)
            if not _is_chat(talk):
                continue
            for kept in range(len(events) - wire.needless):
                relay, written, failure = talk.relay(), b"", None
                try:
                    written = relay.feed(b"".join(events[:kept]) + events[kept][: len(events[kept]) // 2])
                    written += relay.finish()
                except UpstreamError as e:
                    failure = e
                end = relay.end()
                assert not end.done
                assert failure is not None or not end.finish_reasons
                if failure is not None:
                    assert failure.code == "upstream_cut"
                written += relay.error(to_wire(failure or UpstreamError("cut", code="upstream_cut")))
                assert b"upstream_cut" in written or b'"api_error"' in written
                for last in (b"[DONE]", b'"message_stop"', b'"response.completed"'):
                    assert last not in written

    def test_an_event_that_can_t_be_read_loses_nothing_else(self, wire: ProviderWire) -> None:
        talk = Talk(wire, "chat_completions")
        for position in range(1, len(wire.text_events) - wire.needless):
            relay = talk.relay()
            events = [*wire.text_events[:position], wire.malformed, *wire.text_events[position:]]
            stream = b"".join(relay.feed(event) for event in events) + relay.finish()
            assert relay.malformed == 1
            assert relay.done
            assert talk.said(talk.assemble(stream)) == wire.text_events_said

    # ---- errors

    @pytest.mark.parametrize("status", sorted(_KINDS))
    def test_a_refusal_is_understood(self, wire: ProviderWire, status: int) -> None:
        body = wire.errors[status]
        headers = {b"retry-after": b"7"}
        said = wire.adapter.read_error(status, headers, cast("Document", orjson.loads(body)))
        meant = said.status if said is not None else status
        if said is not None:
            body = orjson.dumps({"error": said.error})
        style = "anthropic" if said is None and b'"type":"error"' in body.replace(b" ", b"") else "openai"
        failure = failure_of_status(meant, read_error(meant, headers, body, style), 7.0)
        assert failure.kind == _KINDS[status]
        reply = failure.reply
        if status == 401:
            assert (reply.status, reply.code) == (502, "upstream_credentials_exhausted")
            assert "secret" not in reply.message
        elif status != 500:
            assert reply.status == status
            assert reply.message
            assert reply.code != "upstream_invalid_response"
            assert wire.refusal_said in reply.message or status != 400
            assert (b"retry-after", b"7") in reply.headers

    @pytest.mark.parametrize("status", [400, 500, 502])
    def test_a_page_of_html_is_never_shown(self, wire: ProviderWire, status: int) -> None:
        assert wire.adapter.read_error(status, {}, {}) is None
        reply = read_error(status, {}, b"<html>secret page</html>", "openai")
        assert b"secret" not in reply.body()

    @pytest.mark.parametrize("answer", [{}, {"choices": []}, {"odd": 1}, {"error": {"message": "broken inside"}}])
    def test_an_empty_answer_is_no_answer(self, wire: ProviderWire, answer: Document) -> None:
        talk = Talk(wire, "chat_completions")
        if _wire(talk).passes:
            return  # passed as it is, but for what `read_answer` refuses
        with pytest.raises(UpstreamError):
            talk.read(answer)

    @pytest.mark.parametrize("secret", ["two words", "line\nbreak", "ключ"])
    def test_a_key_that_can_t_be_sent_is_told_without_being_shown(self, wire: ProviderWire, secret: str) -> None:
        problem = wire.adapter.key_problem(secret)
        assert problem
        assert secret not in problem

    def _answer_calls(self, wire: ProviderWire, message: Document, calls: Sequence[Document]) -> None:
        """The turn after: the message as it came, and a result for each call."""
        talk = Talk(wire, "chat_completions")
        ids = [cast("str", call["id"]) for call in calls]
        assert len(set(ids)) == len(ids)
        results = [{"role": "tool", "tool_call_id": call_id, "content": "18 °C"} for call_id in ids]
        turns = [{"role": "user", "content": "Weather?"}, message, *results]
        sent = orjson.dumps(talk.send(talk.ask(messages=turns, tools=_TOOLS))).decode()
        assert sent.count("18 °C") == len(ids)
        for call in calls:
            assert cast("str", cast("Document", call["function"])["name"]) in sent


def _wire(talk: Talk) -> Wire:
    return talk.target.wire(talk.surface, stream=False)


def _is_chat(talk: Talk) -> bool:
    """Whether the upstream's chat examples answer this surface: not where it speaks the surface itself."""
    return talk.surface == "chat_completions" or not _wire(talk).passes


def _chunks(stream: bytes) -> list[Document]:
    data = [event_data(event) for event in split_events(stream)]
    assert data[-1] == b"[DONE]"
    return [cast("Document", orjson.loads(item)) for item in data[:-1]]


def _check_usage(usage: object) -> None:
    counts = cast("dict[str, int]", usage)
    assert counts["prompt_tokens"] > 0
    assert counts["completion_tokens"] > 0
    assert counts["total_tokens"] == counts["prompt_tokens"] + counts["completion_tokens"]


def _said(calls: Sequence[Document]) -> list[SaidCall]:
    said: list[SaidCall] = []
    for call in calls:
        assert call["type"] == "function"
        function = cast("Document", call["function"])
        arguments: object = orjson.loads(cast("str", function["arguments"]))
        said.append(SaidCall(name=cast("str", function["name"]), arguments=cast("Document", arguments)))
    return said


def _unquoted(path: str) -> list[str]:
    from_path = path.partition("?")[0].replace("%3A", ":").replace(":", "/").split("/")
    return [*from_path, *path.split("/")]
