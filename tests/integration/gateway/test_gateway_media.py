"""Sound, pictures and forms through the gateway, with the official SDK: bytes are what the upstream sent and got."""

import asyncio
from collections.abc import Iterator

import httpx
import openai
import orjson
import pytest

from integration.gateway.conftest import UPSTREAM_KEY, Gateway, running_gateway
from integration.gateway.fault_upstream import FaultUpstream, Seen, Wire

SOUND = bytes(range(256)) * 1200
WAVE = b"RIFF\r\n--almost\r\n\r\n\x00\xff" * 5000
TRANSCRIPT = {
    "text": "こんにちは",
    "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59},
}
IMAGES = {
    "created": 1764000000,
    "data": [{"b64_json": "aGk="}],
    "usage": {"input_tokens": 50, "output_tokens": 100, "total_tokens": 150, "input_tokens_details": {}},
}
EVENTS = (
    b'data: {"type":"transcript.text.delta","delta":"Hi"}\n\n'
    b'data: {"type":"transcript.text.done","text":"Hi","usage":{"input_tokens":3,"output_tokens":1}}\n\n'
)


async def media(wire: Wire, seen: Seen) -> None:
    """Answers each path as OpenAI does."""
    if seen.path.endswith("/audio/speech"):
        await wire.start_stream("audio/mpeg")
        for start in range(0, len(SOUND), 50_000):
            await wire.event(SOUND[start : start + 50_000])
        await wire.end_stream()
    elif "/audio/" in seen.path and b'"stream"\r\n\r\ntrue' in seen.body:
        await wire.reply("200 OK", EVENTS, "text/event-stream")
    elif "/audio/" in seen.path and b"\r\n\r\nsrt" in seen.body:
        await wire.reply("200 OK", b"1\n00:00:00,000 --> 00:00:01,000\nHi\n", "text/plain; charset=utf-8")
    elif "/audio/" in seen.path:
        await wire.reply("200 OK", orjson.dumps(TRANSCRIPT))
    elif "/images/" in seen.path:
        await wire.reply("200 OK", orjson.dumps(IMAGES))
    elif seen.path.endswith("/moderations"):
        result = {"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}
        await wire.reply("200 OK", orjson.dumps({"id": "modr-1", "model": "m", "results": [result]}))
    else:
        body = {"id": "r", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {}}
        await wire.reply("200 OK", orjson.dumps(body))


async def html(wire: Wire, seen: Seen) -> None:
    await wire.reply("200 OK", b"<html>sign in</html>", "text/html")


async def cut(wire: Wire, seen: Seen) -> None:
    await wire.start_stream("audio/mpeg")
    await wire.event(SOUND[:1000])
    await asyncio.sleep(0.05)
    wire.reset()


async def failed(wire: Wire, seen: Seen) -> None:
    await wire.reply("500 Oops", b"<html>", "text/html")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    behaviours = {"media": media, "html": html, "cut": cut, "failed": failed}
    with FaultUpstream(behaviours) as upstream:
        options = "allow_private: true, keys: [{env: UP}]"
        lines = ["providers:"]
        lines += [f'  {m}: {{base_url: "http://127.0.0.1:{upstream.port}/{m}/v1", {options}}}' for m in behaviours]
        lines += ["models:", "  voice: {use: media/real-voice, fallback: []}"]
        lines += ["  safe-voice: {use: failed/m, retry: {max: 0}, fallback: [media/other]}"]
        text = "\n".join(lines).replace(", fallback: []", "") + "\n"
        with running_gateway(tmp_path_factory.mktemp("media"), upstream, text) as running:
            yield running


def test_speech_is_passed_byte_for_byte(gateway: Gateway) -> None:
    answer = gateway.client().audio.speech.create(model="voice", voice="alloy", input="こんにちは")
    assert answer.read() == SOUND
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert answer.response.headers["x-kaname-target"] == "media/real-voice"
    assert gateway.upstream.last("media").json()["model"] == "real-voice"
    record = gateway.sink.wait(lambda r: r.request_id == answer.response.headers["x-request-id"])
    assert (record.outcome, record.response_bytes, record.response) == ("ok", len(SOUND), b"")


def test_a_failure_before_the_first_byte_is_followed_by_the_fallback(gateway: Gateway) -> None:
    answer = gateway.client().audio.speech.create(model="safe-voice", voice="alloy", input="Hi")
    assert answer.read() == SOUND
    assert answer.response.headers["x-kaname-target"] == "media/other"


def test_a_page_of_html_is_no_sound(gateway: Gateway) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        gateway.client().audio.speech.create(model="html/m", voice="alloy", input="Hi")
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_invalid_response")


def test_sound_that_breaks_off_never_ends_cleanly(gateway: Gateway) -> None:
    body, headers = {"model": "cut/m", "voice": "alloy", "input": "Hi"}, {"authorization": "Bearer good"}
    with httpx.stream("POST", f"{gateway.url}/audio/speech", json=body, headers=headers) as answer:
        request_id = answer.headers["x-request-id"]
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    record = gateway.sink.wait(lambda r: r.request_id == request_id)
    assert (record.outcome, record.error_code) == ("incomplete", "upstream_cut")


def test_a_transcription_keeps_its_file_and_gets_the_targets_model(gateway: Gateway) -> None:
    answer = gateway.client().audio.transcriptions.with_raw_response.create(
        model="voice", file=("a.wav", WAVE, "audio/wav"), language="ja", timestamp_granularities=["word", "segment"]
    )
    assert answer.parse().text == "こんにちは"
    seen = gateway.upstream.last("media")
    assert seen.path == "/media/v1/audio/transcriptions"
    assert seen.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert b"\r\n\r\n" + WAVE + b"\r\n--" in seen.body
    assert b'name="model"\r\n\r\nreal-voice\r\n' in seen.body
    assert b"good" not in seen.body
    record = gateway.sink.wait(lambda r: r.request_id == answer.headers["x-request-id"])
    assert orjson.loads(record.request)["file"] == {"filename": "a.wav", "bytes": len(WAVE)}
    assert orjson.loads(record.usage)["output_tokens"] == 45
    assert record.surface == "audio_transcriptions"


def test_a_transcription_as_text_and_as_a_stream(gateway: Gateway) -> None:
    client, file = gateway.client(), ("a.wav", WAVE, "audio/wav")
    assert "-->" in client.audio.transcriptions.create(model="voice", file=file, response_format="srt")
    with client.audio.transcriptions.create(model="voice", file=file, stream=True) as events:
        assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    record = gateway.sink.wait(lambda r: r.surface == "audio_transcriptions" and r.stream)
    assert orjson.loads(record.usage)["input_tokens"] == 3


def test_translations_edits_variations_and_images(gateway: Gateway) -> None:
    client, file = gateway.client(), ("a.png", b"\x89PNG" * 900, "image/png")
    assert client.audio.translations.create(model="voice", file=file).text == "こんにちは"
    assert client.images.edit(model="voice", image=[file, file], prompt="A cat").data
    assert gateway.upstream.last("media").body.count(b'name="image[]"') == 2
    assert client.images.create_variation(model="voice", image=file).data
    answer = client.images.with_raw_response.generate(model="voice", prompt="A cat")
    assert answer.parse().data
    record = gateway.sink.wait(lambda r: r.request_id == answer.headers["x-request-id"])
    assert orjson.loads(record.usage)["output_tokens"] == 100


def test_moderations_and_rerank(gateway: Gateway) -> None:
    assert not gateway.client().moderations.create(model="voice", input="Hi").results[0].flagged
    body = {"model": "voice", "query": "q", "documents": ["a", "b"]}
    answer = httpx.post(f"{gateway.url}/rerank", json=body, headers={"authorization": "Bearer good"})
    assert answer.json()["results"][0]["index"] == 1
    assert gateway.upstream.last("media").json() == {**body, "model": "real-voice"}


FORM = "multipart/form-data; boundary=x"
MODEL = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nvoice'
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n1\r\n--x--'


@pytest.mark.parametrize(
    ("content_type", "body", "param"),
    [
        ("multipart/form-data", b"--x\r\n", "content-type"),
        (FORM, b"nothing", "body"),
        (FORM, MODEL, "body"),
        (FORM, FILE, "model"),
        (FORM, MODEL + b"\r\n" + MODEL + b"\r\n--x--\r\n", "model"),
        (FORM, MODEL + b"\r\n--x--\r\ntail", "body"),
    ],
)
def test_a_form_that_cant_be_read_is_refused(gateway: Gateway, content_type: str, body: bytes, param: str) -> None:
    headers = {"authorization": "Bearer good", "content-type": content_type}
    answer = httpx.post(f"{gateway.url}/audio/transcriptions", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
