"""Numbers of all processes that share one port: a scrape reaches any of them, and that one asks the others.

Each process answers with its own text on a Unix socket in a folder that only its user can enter; the answer to the
scrape is all texts together, told apart by their label `process`. Whoever doesn't answer in time is left out.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from kaname.kernel.exposition import merge

_TIMEOUT_S = 2.0


class Siblings:
    """One process's place in the folder. Belongs to one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{os.getpid()}.sock"
        self._own: Callable[[], str] = str
        self._server: asyncio.Server | None = None

    async def start(self, name: str, own: Callable[[], str]) -> None:
        """Begins to answer; `name` is this process's, `own` gives its text."""
        self._path = self._folder / f"{name}.sock"
        self._path.unlink(missing_ok=True)
        self._own = own
        self._server = await asyncio.start_unix_server(self._answer, self._path)

    async def collect(self) -> str:
        """The texts of all that answer, this one's first."""
        others = [path for path in sorted(self._folder.glob("*.sock")) if path != self._path]
        texts = await asyncio.gather(*(_ask(path) for path in others))
        return merge([self._own(), *texts])

    async def close(self) -> None:
        """Leaves."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._own().encode())
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()


async def _ask(path: Path) -> str:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return (await _read_all(reader)).decode()
            finally:
                writer.close()
    except (OSError, TimeoutError):  # it ended, or is busier than a scrape is worth
        return ""


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while part := await reader.read(1 << 16):
        parts.append(part)
    return b"".join(parts)
