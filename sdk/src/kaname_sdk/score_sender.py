"""Sends scores to Kaname's HTTP API from one background thread, with a bounded queue and a few retries.

The standard library's HTTP client is enough for this and keeps the dependencies at two. A score carries an id made by
the sender, so a retry can't count twice.
"""

import json
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from kaname_sdk.faults import faults

QUEUE_SIZE = 1_000
ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_TIMEOUT_S = 10.0
_CLOSE_S = 3.0
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})


class ScoreSender:
    """A queue of scores and the thread that empties it. The thread starts with the first score, also after a fork."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._url = url
        self._secret_key = secret_key
        self._queue: queue.Queue[Mapping[str, Any]] = queue.Queue(QUEUE_SIZE)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pid = 0
        self._project_id = ""

    def put(self, score: Mapping[str, Any]) -> None:
        """Queues a score; drops it when the queue is full, because the application must not wait."""
        self._start()
        try:
            self._queue.put_nowait(score)
        except queue.Full:
            faults.say_once("score queue", "%d scores wait to be sent; more are dropped (logged once)", QUEUE_SIZE)

    def flush(self, timeout_s: float) -> bool:
        """Waits until everything queued was sent or given up."""
        deadline = time.monotonic() + timeout_s
        while self._queue.unfinished_tasks and self._pid == os.getpid():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def close(self) -> None:
        """Sends what waits within a few seconds, then stops."""
        self.flush(_CLOSE_S)
        self._stop.set()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            threading.Thread(target=self._work, name="kaname-scores", daemon=True).start()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                score = self._queue.get(timeout=0.5)
            except queue.Empty:
                continue
            with faults.guard("sending a score"):
                self._send(score)
            self._queue.task_done()

    def _send(self, score: Mapping[str, Any]) -> None:
        pause = _FIRST_PAUSE_S
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if not self._project_id:
                    self._project_id = _only_project(self._call("GET", "/api/v1/me", None))
                self._call("POST", f"/api/v1/projects/{self._project_id}/scores", score)
                return
            except urllib.error.HTTPError as e:
                if e.code not in _RETRYABLE or attempt == ATTEMPTS:
                    detail = e.read(500).decode("utf-8", "replace")
                    raise RuntimeError(f"the server answered {e.code}: {detail}") from e
            except OSError:
                if attempt == ATTEMPTS:
                    raise
            if self._stop.wait(pause):
                return
            pause *= 2

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the URL is the user's own configuration
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._secret_key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            return json.loads(response.read() or b"null")


def _only_project(me: Any) -> str:
    """The project that the key belongs to."""
    for organization in me["organizations"]:
        for project in organization["projects"]:
            return str(project["id"])
    raise RuntimeError("the secret key belongs to no project")
