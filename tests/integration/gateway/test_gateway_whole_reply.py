"""The short cut through uvicorn: taken when it may be, and never seen by the client."""

import asyncio
import http.client
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvicorn

from integration.gateway.conftest import QuietProtocol
from kaname.gateway.whole_reply import reply_whole

Message = dict[str, Any]


class Server:
    """Answers by the short cut, or without it where that declines."""

    def __init__(self) -> None:
        self.taken: list[bool] = []
        config = uvicorn.Config(
            self.answer, interface="asgi3", host="127.0.0.1", port=0, http=QuietProtocol, loop="uvloop",
            lifespan="off", access_log=False, server_header=False, date_header=False, proxy_headers=False,
            log_level="error",
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    async def answer(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        body = (await receive())["body"] or b"nothing"
        taken = reply_whole(send, 200, b"content-length: %d\r\nx-a: b\r\n" % len(body), body)
        self.taken.append(taken)
        if not taken:
            headers = [(b"content-length", b"%d" % len(body)), (b"x-a", b"b")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        assert (await receive())["type"] == "http.disconnect"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    running.thread.start()
    while not running.server.started:
        time.sleep(0.01)
    yield running
    running.server.should_exit = True
    running.thread.join(10)


def test_it_is_taken_on_ordinary_requests_and_only_there(server: Server) -> None:
    port = server.server.servers[0].sockets[0].getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for method, headers in [("POST", {}), ("GET", {}), ("HEAD", {}), ("POST", {}), ("GET", {"connection": "close"})]:
        body = b"x" * 10_000 if method == "POST" else b""
        connection.request(method, "/", body, headers)
        response = connection.getresponse()
        assert (response.status, response.headers["x-a"]) == (200, "b")
        assert response.headers["connection"] == headers.get("connection")
        assert response.read()[:7] == {"POST": b"x" * 7, "GET": b"nothing", "HEAD": b""}[method]
    connection.close()
    assert server.taken == [True, True, False, True, False]


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    port = server.server.servers[0].sockets[0].getsockname()[1]

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for i in range(5):
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n%d" % i)
        for i in range(5):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(1) == b"%d" % i
        writer.close()

    asyncio.run(asyncio.wait_for(work(), 10))
    assert server.taken == [True] * 5


def test_another_server_is_left_alone() -> None:
    async def send(message: Message) -> None:
        raise AssertionError

    assert not reply_whole(send, 200, b"content-length: 0\r\n", b"")
