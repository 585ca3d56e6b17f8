"""`/v1/files` and `/v1/batches` over HTTP, as OpenAI's. A key sees what is its project's."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import NamedTuple, cast
from urllib.parse import parse_qsl

import msgspec
import orjson

from kaname.gateway.batches.batch_store import BatchStore
from kaname.gateway.batches.file_store import FileStore
from kaname.gateway.batches.model import Owner
from kaname.gateway.batches.upload import Upload
from kaname.gateway.batches.wire import batch_object, file_object, list_object
from kaname.gateway.exchange import Exchange, Message, Receive
from kaname.gateway.openai_errors import WireError
from kaname.gateway.pipeline import send_error
from kaname.gateway.ports import Caller
from kaname.gateway.settings import GatewaySettings
from kaname.gateway.surfaces import SURFACES
from kaname.kernel.errors import InvalidInputError, NotFoundError

MAX_BATCH_BODY_BYTES = 64 << 10
_SURFACES = ("chat_completions", "completions", "responses", "embeddings", "moderations", "rerank", "images")
ENDPOINTS = tuple(SURFACES[name].client_path for name in _SURFACES)
"""What a batch may call: whatever takes and gives JSON in OpenAI's shapes."""
_WINDOW = re.compile(r"([1-9]\d{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=14)


class _Create(msgspec.Struct):
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_expires_after: object = None


_DECODER = msgspec.json.Decoder(_Create)


class BatchStores(NamedTuple):
    """Where files and batches are."""

    files: FileStore
    batches: BatchStore


class _Request(NamedTuple):
    exchange: Exchange
    caller: Caller
    id: str
    """Of a file or a batch; "" without."""
    query: Mapping[str, str]
    receive: Receive

    @property
    def project_id(self) -> str:
        return self.caller.project_id or ""


_Handle = Callable[[_Request], Awaitable[dict[str, object] | None]]


class BatchesApi:
    """Answers. `changed` is called when a batch has something to do."""

    def __init__(self, stores: BatchStores, settings: GatewaySettings, changed: Callable[[], None]) -> None:
        self._files = stores.files
        self._batches = stores.batches
        self._upload = Upload(stores.files, settings.file_max_bytes, settings.body_timeout_s)
        self._body_timeout_s = settings.body_timeout_s
        self._changed = changed
        self._routes: Mapping[tuple[str, bool, str], Mapping[str, _Handle]] = {
            ("files", False, ""): {"POST": self._create_file, "GET": self._list_files},
            ("files", True, ""): {"GET": self._get_file, "DELETE": self._delete_file},
            ("files", True, "content"): {"GET": self._get_content},
            ("batches", False, ""): {"POST": self._create_batch, "GET": self._list_batches},
            ("batches", True, ""): {"GET": self._get_batch},
            ("batches", True, "cancel"): {"POST": self._cancel},
        }

    async def serve(
        self, exchange: Exchange, caller: Caller, method: str, path: str, query: bytes, receive: Receive
    ) -> None:
        """Answers one request; raises KanameError."""
        kind, _, rest = path.removeprefix("/v1/").partition("/")
        name, _, action = rest.partition("/")
        routes = self._routes.get((kind, bool(name), action))
        if routes is None:
            raise NotFoundError(f"unknown path {path[:200]!r}", hint="See `/v1/files` and `/v1/batches`.")
        if (handle := routes.get(method)) is None:
            allowed = ", ".join(routes)
            message = f"{method[:20]!r} isn't allowed on {path[:200]!r}. Use {allowed}."
            lines = [(b"allow", allowed.encode())]
            error = WireError(405, "invalid_request_error", "method_not_allowed", message, None, lines)
            await send_error(exchange, error)
            return
        request = _Request(exchange, caller, name, dict(parse_qsl(query.decode("latin-1"))), receive)
        if (answer := await handle(request)) is not None:
            await exchange.reply(200, orjson.dumps(answer), [])

    # ---- files

    async def _create_file(self, request: _Request) -> dict[str, object]:
        file = await self._upload.receive(request.project_id, request.exchange.headers, request.receive)
        return file_object(file)

    async def _list_files(self, request: _Request) -> dict[str, object]:
        query = request.query
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise InvalidInputError(f"order {order!r} isn't asc or desc", param="order")
        page = await asyncio.to_thread(
            self._files.page, request.project_id, purpose=query.get("purpose"), after=query.get("after"),
            limit=_limit(query, 1000, 1000), ascending=order == "asc",
        )  # fmt: skip
        return list_object([file_object(file) for file in page.files], has_more=page.has_more)

    async def _get_file(self, request: _Request) -> dict[str, object]:
        return file_object(await asyncio.to_thread(self._files.get, request.project_id, request.id))

    async def _delete_file(self, request: _Request) -> dict[str, object]:
        await asyncio.to_thread(self._files.delete, request.project_id, request.id)
        return {"id": request.id, "object": "file", "deleted": True}

    async def _get_content(self, request: _Request) -> None:
        """Part by part, no faster than the client reads."""
        exchange = request.exchange
        file = await asyncio.to_thread(self._files.get, request.project_id, request.id)
        parts = list(file.parts)
        piece = await asyncio.to_thread(self._files.content.get, parts[0]) if parts else b""
        await exchange.start(200, b"application/octet-stream", [(b"content-length", b"%d" % file.size)])
        for digest in parts[1:]:
            await exchange.write(piece)
            piece = await asyncio.to_thread(self._files.content.get, digest)
        await exchange.write(piece, last=True)

    # ---- batches

    async def _create_batch(self, request: _Request) -> dict[str, object]:
        async with asyncio.timeout(self._body_timeout_s):
            body = await _read_body(request.receive)
        wanted, length = _read_create(body)
        file = await asyncio.to_thread(self._files.get, request.project_id, wanted.input_file_id)
        if file.purpose != "batch":
            raise InvalidInputError(
                f"file {file.id!r} has the purpose {file.purpose!r}", hint="Upload the input with purpose 'batch'.",
                param="input_file_id",
            )  # fmt: skip
        caller = request.caller
        owner = Owner(request.project_id, caller.organization_id or "", caller.id, caller.name)
        batch = await asyncio.to_thread(
            self._batches.create, owner, wanted.endpoint, file.id, wanted.completion_window, length, wanted.metadata
        )
        self._changed()
        return batch_object(batch)

    async def _list_batches(self, request: _Request) -> dict[str, object]:
        page = await asyncio.to_thread(
            self._batches.page, request.project_id, after=request.query.get("after"),
            limit=_limit(request.query, 20, 100),
        )  # fmt: skip
        return list_object([batch_object(batch) for batch in page.batches], has_more=page.has_more)

    async def _get_batch(self, request: _Request) -> dict[str, object]:
        return batch_object(await asyncio.to_thread(self._batches.get, request.project_id, request.id))

    async def _cancel(self, request: _Request) -> dict[str, object]:
        batch = await asyncio.to_thread(self._batches.cancel, request.project_id, request.id)
        self._changed()
        return batch_object(batch)


def _read_create(body: bytes) -> tuple[_Create, timedelta]:
    try:
        wanted = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError) as e:
        hint = "Send input_file_id, endpoint and completion_window as JSON."
        raise InvalidInputError(f"the request isn't a batch: {e}", hint=hint) from e
    if wanted.endpoint not in ENDPOINTS:
        raise InvalidInputError(
            f"endpoint {wanted.endpoint[:100]!r} can't be batched", hint=f"Use one of {', '.join(ENDPOINTS)}.",
            param="endpoint",
        )  # fmt: skip
    if wanted.output_expires_after is not None:
        raise InvalidInputError(
            "output files don't expire", hint="Leave it out, and delete the file.", param="output_expires_after",
            code="unsupported_parameter",
        )  # fmt: skip
    metadata: Mapping[str, str] = wanted.metadata if wanted.metadata is not None else {}
    if len(metadata) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in metadata.items()):
        raise InvalidInputError(
            "metadata is too large", hint="At most 16 pairs, keys of 64 and values of 512 characters.", param="metadata"
        )
    match = _WINDOW.fullmatch(wanted.completion_window)
    length = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match is not None else timedelta.max
    if length > _LONGEST:
        raise InvalidInputError(
            f"completion_window {wanted.completion_window[:40]!r} isn't a time up to 14d", hint="Send '24h'.",
            param="completion_window",
        )  # fmt: skip
    return wanted, length


def _limit(query: Mapping[str, str], default: int, most: int) -> int:
    text = query.get("limit", str(default))
    if not text.isascii() or not text.isdigit() or not int(text[:9]) >= 1:
        raise InvalidInputError(f"limit {text[:20]!r} isn't a number of 1 or more", param="limit")
    return min(int(text[:9]), most)


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInputError("the client left before its body was complete", code="client_disconnected")
        body += cast("bytes", message.get("body", b""))
        if len(body) > MAX_BATCH_BODY_BYTES:
            raise InvalidInputError(f"the request is larger than {MAX_BATCH_BODY_BYTES} bytes")
        if not message.get("more_body"):
            return bytes(body)
