"""A plain HTTP client that takes whatever comes, and reads answers and streams of both surfaces.

It isn't an SDK: what is checked is the bytes.
"""

import http.client
import time
from dataclasses import dataclass, field
from typing import cast

import orjson

Document = dict[str, object]


@dataclass
class Reply:
    """What a client got. `whole`: the body ended as HTTP wants it."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    seconds: float
    style: str
    notes: list[str] = field(default_factory=list)

    def document(self) -> Document:
        """The body as JSON; {} when it isn't an object."""
        return _object(self.body)

    def error(self) -> Document:
        """The error of a JSON answer, {} without one."""
        error = self.document().get("error")
        return cast("Document", error) if isinstance(error, dict) else {}

    def events(self) -> list[bytes]:
        """The data of each event."""
        text = self.body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
        found: list[bytes] = []
        for event in text.split(b"\n\n"):
            lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
            if lines:
                found.append(b"\n".join(lines))
        return found

    def text(self) -> str:
        """The generated text of a stream or an answer."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            return "".join(_delta_text(_object(data)) for data in self.events())
        document = self.document()
        if document.get("type") == "message":
            blocks = cast("list[Document]", document.get("content") or [])
            return "".join(str(block.get("text", "")) for block in blocks)
        if document.get("object") == "response":
            items = cast("list[Document]", document.get("output") or [])
            parts = [part for item in items for part in cast("list[Document]", item.get("content") or [])]
            return "".join(str(part.get("text", "")) for part in parts)
        choices = cast("list[Document]", document.get("choices") or [])
        return "".join(str(cast("Document", choice.get("message") or {}).get("content") or "") for choice in choices)

    def ended(self) -> bool:
        """Whether the stream claims to be complete: `[DONE]` or `message_stop`."""
        if self.style == "anthropic":
            return any(_object(data).get("type") == "message_stop" for data in self.events())
        finished = ("response.completed", "response.incomplete")
        return any(data.strip() == b"[DONE]" or _object(data).get("type") in finished for data in self.events())

    def stream_error(self) -> Document:
        """The error that the last event is, {} when it is none."""
        events = self.events()
        last = _object(events[-1]) if events else {}
        error = last if last.get("type") == "error" and "error" not in last else last.get("error")
        return cast("Document", error) if isinstance(error, dict) else {}

    def describe(self) -> str:
        """In one cell of a table."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            said = [f"{len(self.text())} characters"]
            if error := self.stream_error():
                said.append(f"error event {error.get('code') or error.get('type')}")
            if self.ended():
                said.append("end marker")
            if not self.whole:
                said.append("body cut")
            return f"{self.status}, " + ", ".join(said)
        error = self.error()
        said = [str(self.status)]
        if error:
            said.append(str(error.get("code") or error.get("type")))
        elif self.status >= 400 or not self.text():
            said.append(self.body[:40].decode("utf-8", "replace") or "empty")
        if "retry-after" in self.headers:
            said.append(f"retry-after {self.headers['retry-after']}")
        return ", ".join(said)


def post(
    port: int,
    path: str,
    body: bytes,
    headers: dict[str, str],
    *,
    style: str,
    timeout_s: float = 20.0,
    method: str = "POST",
) -> Reply:
    """One request; reads to the end, whatever kind of end that is. Status 0: no answer."""
    begin = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    status, got, content, whole = 0, dict[str, str](), b"", False
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        status, got = response.status, {k.lower(): v for k, v in response.getheaders()}
        while chunk := response.read1(65536):
            content += chunk
            if time.monotonic() - begin > timeout_s:
                raise TimeoutError
        whole = response.length in (0, None)
    except http.client.IncompleteRead as e:
        content += e.partial
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
    return Reply(status, got, content, whole, time.monotonic() - begin, style)


def _object(data: bytes) -> Document:
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return cast("Document", document) if isinstance(document, dict) else {}


def _delta_text(document: Document) -> str:
    delta = document.get("delta")
    if document.get("type") == "response.output_text.delta":
        return str(delta)
    if isinstance(delta, dict):
        return str(cast("Document", delta).get("text") or "")
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        return ""
    delta = cast("Document", choices[0]).get("delta")
    return str(cast("Document", delta).get("content") or "") if isinstance(delta, dict) else ""
