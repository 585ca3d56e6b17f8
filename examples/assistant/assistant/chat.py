"""The smallest possible client of the gateway: one POST with the standard library.

An application would use the `openai` package with `base_url` set to Kaname, and `kaname_sdk.wrap(client)` for the trace
headers. This example speaks the same HTTP by itself because it must run with nothing installed but the SDK. It records
no span for the call: the gateway does, beneath the current one.
"""

import http.client
import json
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any, NamedTuple

import kaname_sdk as kaname

_TIMEOUT_S = 120.0
_ATTEMPTS = 5


class ChatError(Exception):
    """The gateway refused or failed; the message is its own."""


class Message(NamedTuple):
    """One chat message."""

    role: str
    content: str


class ChatClient:
    """Chat completions of one model."""

    def __init__(self, url: str, secret_key: str, model: str) -> None:
        self._address = urllib.parse.urlsplit(url)
        self._secret_key = secret_key
        self._model = model

    def complete(self, messages: Sequence[Message], *, max_tokens: int, stop: Sequence[str] = ()) -> str:
        """The answer's text, as likely as possible (temperature 0); raises ChatError."""
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [m._asdict() for m in messages],
            "temperature": 0,
            "seed": 0,
            "max_tokens": max_tokens,
        }
        if stop:
            body["stop"] = list(stop)
        answer = self._post(json.dumps(body))
        return str(answer["choices"][0]["message"]["content"] or "")

    def _post(self, body: str) -> dict[str, Any]:
        """Tries again while the model starts (503) or the rate is limited (429)."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                status, retry_after_s, text = self._request(body)
            except OSError as e:
                status, retry_after_s, text = 0, 1.0, str(e)
            if status == 200:
                return json.loads(text)
            if status not in (0, 429, 503) or attempt == _ATTEMPTS:
                raise ChatError(f"{self._address.geturl()} answered {status or 'nothing'}: {text[:300]}")
            time.sleep(min(10.0, retry_after_s))
        raise AssertionError("unreachable")

    def _request(self, body: str) -> tuple[int, float, str]:
        secure = self._address.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(self._address.netloc, timeout=_TIMEOUT_S)
        headers = {
            "Authorization": f"Bearer {self._secret_key}",
            "Content-Type": "application/json",
            **kaname.gateway_headers(),
        }
        try:
            connection.request("POST", f"{self._address.path}/v1/chat/completions", body=body, headers=headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
            return response.status, _seconds(response.headers.get("Retry-After")), text
        finally:
            connection.close()


def _seconds(header: str | None) -> float:
    try:
        return max(0.1, float(header or 1))
    except ValueError:
        return 1.0
