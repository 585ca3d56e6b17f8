"""The ingest path in one process: real key ring, real journal, the raw ASGI app, and a consumer on the real engine."""

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kaname.access.keyring import KeyRing
from kaname.access.model import Principal
from kaname.access.ports import KeyRecord
from kaname.access.tokens import issue_token
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.pricing.snapshot import load_snapshot
from kaname.storage.blobs.disk import DiskBlobStore
from kaname.storage.columns import ColumnsClient, migrate_columns
from kaname.storage.journal import Journal, JournalReader, JournalSettings
from kaname.traces.batch import BatchDecoder
from kaname.traces.consumer import Consumer
from kaname.traces.dead_letters import DeadLetters
from kaname.traces.ingest_settings import IngestSettings
from kaname.traces.known_spans import KnownSpans
from kaname.traces.log_buffer import LogBuffer
from kaname.traces.normalise import Normaliser
from kaname.traces.receiver import OtlpReceiver
from kaname.traces.span_store import SpanStore
from kaname.traces.tables import COLUMNS_MIGRATIONS
from kaname.traces.wide_values import WideValues
from kaname.traces.writer import SpanWriter

PROJECT = "prj_test"


class ListedKeys:
    """A key source of two keys: one that may write traces, one that may only read them."""

    def __init__(self) -> None:
        self.writer, self.reader = issue_token("kn-sk-"), issue_token("kn-sk-")

    def changes_since(self, version):
        def record(token, permission):
            principal = Principal(
                kind="api_key", id=token.public_part, name="k", project_id=PROJECT, permissions=frozenset({permission})
            )
            return KeyRecord(
                key_id=token.public_part, public_part=token.public_part, digest=token.digest,
                principal=principal, expires_at=None, usable=True,
            )  # fmt: skip

        return 1, [record(self.writer, "traces:write"), record(self.reader, "traces:read")] if version == 0 else []

    def record_uses(self, uses):
        pass


@dataclass(slots=True)
class Answer:
    """What the ASGI app sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Ingest:
    """A receiver and its journal."""

    receiver: OtlpReceiver
    journal: Journal
    directory: Path
    keys: ListedKeys

    @property
    def authorization(self) -> str:
        return f"Bearer {self.keys.writer.text}"

    async def send(self, path: str, body: bytes | list[bytes], *, method="POST", hang=False, **headers: str) -> Answer:
        """One request; headers by keyword, `_` for `-`. `hang`: the body never ends."""
        sent = {"content-type": "application/x-protobuf", "authorization": self.authorization}
        sent |= {k.replace("_", "-"): v for k, v in headers.items()}
        raw = [(k.encode(), v.encode("latin-1")) for k, v in sent.items() if v]
        pieces = list(body) if isinstance(body, list) else [body]
        answer = Answer()

        async def receive():
            if pieces:
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces) or hang}
            if hang:
                await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def emit(message):
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        await self.receiver({"type": "http", "path": path, "method": method, "headers": raw}, receive, emit)
        return answer

    def post(self, path: str, body: bytes | list[bytes], **options) -> Answer:
        """`send` without a loop of one's own."""
        return asyncio.run(self.send(path, body, **options))

    def entries(self) -> list:
        """What the journal holds."""
        reader = JournalReader(self.directory)
        try:
            return reader.read_batch(1 << 30, 0.0)
        finally:
            reader.close()


@pytest.fixture
def make_ingest(tmp_path):
    opened: list[Journal] = []

    def make(journal_settings: JournalSettings | None = None, **ingest) -> Ingest:
        directory = tmp_path / "journal"
        journal = Journal(directory, journal_settings or JournalSettings(min_free_bytes=0))
        journal.open()
        opened.append(journal)
        keys = ListedKeys()
        ring = KeyRing(keys)
        ring.refresh()
        return Ingest(OtlpReceiver(ring, journal, IngestSettings(**ingest)), journal, directory, keys)

    yield make
    for journal in opened:
        journal.close()


@pytest.fixture
def ingest(make_ingest) -> Ingest:
    return make_ingest()


@dataclass(slots=True)
class Pipeline:
    """A consumer of the journal, on a database of its own."""

    columns: ColumnsClient
    directory: Path
    blobs: DiskBlobStore
    settings: IngestSettings

    def consume(self, store: SpanStore | None = None) -> dict[str, int]:
        """Starts a consumer, applies everything in the journal, and ends it; returns its counters."""
        dead = DeadLetters(self.directory / "dead")
        store = store or SpanStore(self.columns)
        reader = JournalReader(self.directory)
        writer = SpanWriter(
            store=store,
            normaliser=Normaliser(PriceBook(load_snapshot())),
            known=KnownSpans(store, self.settings.dedup_keys),
            wide=WideValues(
                self.blobs, wide_bytes=self.settings.wide_value_bytes, media_bytes=self.settings.media_bytes
            ),
            dead_letters=dead,
            logs=LogBuffer(1 << 20),
        )
        decoder = BatchDecoder(self.settings.limits(), dead)
        consumer = Consumer(reader, decoder, writer, self.settings)
        try:
            while consumer.step(threading.Event(), 0.0):
                pass
        finally:
            reader.close()
        return dict(writer.counters)

    def rows(self, sql: str) -> list[dict]:
        return self.columns.query_rows(sql)


@pytest.fixture
def pipeline(tmp_path, columns: ColumnsClient) -> Pipeline:
    migrate_columns(columns, COLUMNS_MIGRATIONS)
    settings = IngestSettings(batch_wait_s=0.0)
    return Pipeline(columns, tmp_path / "journal", DiskBlobStore(tmp_path / "blobs"), settings)
