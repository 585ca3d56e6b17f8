"""Receiving an uploaded file: from the socket into parts, never whole in memory."""

import asyncio
from collections.abc import Mapping
from typing import cast

from kaname.gateway.batches.content import PART_BYTES
from kaname.gateway.batches.file_store import FileStore
from kaname.gateway.batches.model import StoredFile
from kaname.gateway.batches.multipart import MAX_FIELD_BYTES, MultipartReader, Piece, read_boundary
from kaname.gateway.decode import too_large
from kaname.gateway.exchange import Receive
from kaname.kernel.errors import InvalidInputError

_MAX_FIELDS = 16


class Upload:
    """Receives files of at most `limit` bytes; a client may be silent for `silence_s`."""

    def __init__(self, files: FileStore, limit: int, silence_s: float) -> None:
        self._files = files
        self._limit = limit
        self._silence_s = silence_s

    async def receive(self, project_id: str, headers: Mapping[bytes, bytes], receive: Receive) -> StoredFile:
        """The stored file; raises InvalidInputError or TooLargeError, and keeps nothing then."""
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise InvalidInputError("uploads can't be compressed", hint="Send the file as it is.")
        reader = MultipartReader(read_boundary(headers.get(b"content-type", b"")))
        incoming = _Incoming(self._files, self._limit)
        try:
            while True:
                data, is_last = await self._hear(receive)
                for piece in reader.feed(data):
                    await incoming.take(piece)
                if is_last:
                    break
            reader.finish()
            return await incoming.finish(project_id)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self._files.content.delete, incoming.parts))
            raise

    async def _hear(self, receive: Receive) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout(self._silence_s):
                message = await receive()
        except TimeoutError as e:
            raise InvalidInputError(
                f"nothing of the file arrived for {self._silence_s:g} s", hint="Send it faster.", code="request_timeout"
            ) from e
        if message["type"] == "http.disconnect":
            raise InvalidInputError("the client left before its file was complete", code="client_disconnected")
        return cast("bytes", message.get("body", b"")), not message.get("more_body")


class _Incoming:
    """What of one upload is here."""

    def __init__(self, files: FileStore, limit: int) -> None:
        self.parts: list[str] = []
        self._files = files
        self._limit = limit
        self._fields: dict[str, bytes] = {}
        self._filename: str | None = None
        self._waiting = bytearray()
        self._size = 0

    async def take(self, piece: Piece) -> None:
        if piece.name != "file" or piece.filename is None:
            known = self._fields.get(piece.name, b"")
            if len(known) + len(piece.data) > MAX_FIELD_BYTES or len(self._fields) > _MAX_FIELDS:
                raise InvalidInputError(f"field {piece.name[:80]!r} is too long", param=piece.name[:80])
            self._fields[piece.name] = known + piece.data
            return
        self._filename = piece.filename
        self._size += len(piece.data)
        if self._size > self._limit:
            raise too_large(self._limit)
        self._waiting += piece.data
        if len(self._waiting) >= PART_BYTES:
            await self._put()

    async def finish(self, project_id: str) -> StoredFile:
        if self._filename is None:
            raise InvalidInputError("the upload has no file", hint="Send it as field `file`.", param="file")
        purpose = self._fields.pop("purpose", b"")
        if purpose != b"batch":
            raise InvalidInputError(
                f"purpose {purpose[:40].decode('utf-8', 'replace')!r} isn't served", hint="Files are for 'batch'.",
                param="purpose",
            )  # fmt: skip
        if self._fields:
            name = next(iter(self._fields))
            raise InvalidInputError(
                f"field {name[:80]!r} isn't known here", hint="Send `purpose` and `file` alone; files don't expire.",
                param=name[:80], code="unsupported_parameter",
            )  # fmt: skip
        if self._waiting:
            await self._put()
        file = self._files.describe(project_id, "batch", self._filename, self.parts, self._size)
        await asyncio.to_thread(self._files.add, file)
        return file

    async def _put(self) -> None:
        part = bytes(self._waiting)
        self._waiting.clear()
        self.parts.append(await asyncio.to_thread(self._files.content.put, part))
