"""The floor: uvicorn with the gateway's settings and an application that answers at once. Prints `{"port": …}`."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
import uvloop

BODY = b"x" * 950
HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-request-id", b"req_0123456789abcdef"),
    (b"x-kaname-trace-id", b"0" * 32),
    (b"x-kaname-target", b"mock/mock-model"),
    (b"x-kaname-attempts", b"1"),
    (b"content-length", b"950"),
]
Message = dict[str, Any]


async def answer(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def main() -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            answer, host="127.0.0.1", port=0, http="httptools", loop="none", lifespan="off", access_log=False,
            proxy_headers=False, server_header=False, date_header=False, log_level="warning", backlog=4096,
        )
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no such event
        await asyncio.sleep(0.01)
    sys.stdout.write(json.dumps({"port": server.servers[0].sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await serving


if __name__ == "__main__":
    uvloop.run(main())
