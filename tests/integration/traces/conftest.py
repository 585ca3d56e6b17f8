"""A migrated column store, two projects, and the Traces API over HTTP in this process, with a writer of scores that inserts at once."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient

from kaname.access.model import Principal, ProjectScope, no_such_project
from kaname.access.permissions import PERMISSIONS
from kaname.app.problem import install_problem_handlers
from kaname.kernel.clock import ManualClock, to_ns
from kaname.kernel.errors import NotFoundError
from kaname.storage.columns import ColumnsClient, migrate_columns
from kaname.traces.model import ScoreRow, SpanRow
from kaname.traces.routes import TracesApi, build_router
from kaname.traces.settings import TracesSettings
from kaname.traces.tables import COLUMNS_MIGRATIONS, TIME_COLUMNS

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW_NS = to_ns(NOW)
PROJECT, OTHER = "prj_ours", "prj_theirs"
SECOND = 1_000_000_000


def trace_id(n: int) -> str:
    return f"{n:032x}"


def span_id(n: int) -> str:
    return f"{n:016x}"


def make_span(n: int, *, trace: int = 1, project: str = PROJECT, parent: int | None = None, **fields: object) -> SpanRow:
    """Span number n: starts n seconds before now, unless told otherwise."""
    values: dict[str, object] = {
        "project_id": project,
        "trace_id": trace_id(trace),
        "span_id": span_id(n),
        "parent_span_id": "" if parent is None else span_id(parent),
        "name": f"span {n}",
        "start_ns": NOW_NS - n * SECOND,
        "duration_ns": 250_000_000,
        "is_root": parent is None,
        "received_ns": NOW_NS,
        "row_version": 1,
    }
    return SpanRow(**(values | fields))  # type: ignore[arg-type]


def _encode(row: object) -> bytes:
    fields = msgspec.to_builtins(row, builtin_types=(Decimal,))
    renamed = {TIME_COLUMNS.get(k, k): str(v) if isinstance(v, Decimal) else v for k, v in fields.items()}
    if "cost" in renamed:
        renamed["cost"] = {k: str(v) for k, v in renamed["cost"].items()}
    return msgspec.json.encode(renamed)


class DirectScoreWriter:
    """Inserts scores itself, so that they are visible when `write` returns."""

    def __init__(self, columns: ColumnsClient) -> None:
        self._columns = columns

    async def write(self, rows: Sequence[ScoreRow]) -> None:
        body = b"\n".join(_encode(r) for r in rows)
        await asyncio.to_thread(self._columns.insert_json_lines, "scores", body)


@dataclasses.dataclass
class MemoryBlobs:
    """Blobs by digest."""

    values: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def get(self, digest: str) -> bytes:
        if digest not in self.values:
            raise NotFoundError(f"no blob {digest!r}")
        return self.values[digest]


@dataclasses.dataclass
class AuditList:
    """Deletions as they were recorded."""

    entries: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def record_deletion(self, scope: ProjectScope, target: str) -> None:
        self.entries.append((scope.project_id, target))


@pytest.fixture
def store(columns: ColumnsClient) -> ColumnsClient:
    """An empty, migrated column store."""
    migrate_columns(columns, COLUMNS_MIGRATIONS)
    return columns


@pytest.fixture
def insert(store: ColumnsClient) -> Callable[..., None]:
    """insert(*spans_or_scores): rows that are visible at once."""

    def insert_rows(*rows: SpanRow | ScoreRow) -> None:
        for table, kind in (("spans", SpanRow), ("scores", ScoreRow)):
            lines = [_encode(r) for r in rows if isinstance(r, kind)]
            if lines:
                store.insert_json_lines(table, b"\n".join(lines))

    return insert_rows


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at=NOW)


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def audit() -> AuditList:
    return AuditList()


@pytest.fixture
def app(store: ColumnsClient, clock: ManualClock, blobs: MemoryBlobs, audit: AuditList) -> FastAPI:
    """The routes behind a guard that knows two projects: a user's own, and one that isn't theirs."""
    principal = Principal(kind="user", id="usr_1", name="Yuki", user_id="usr_1")

    def guard(request: Request) -> None:
        project_id = request.path_params["project_id"]
        if project_id not in (PROJECT, OTHER):
            raise no_such_project(project_id)
        request.state.kaname_project = ProjectScope(
            project_id=project_id, organization_id="org_1", principal=principal, permissions=frozenset(PERMISSIONS)
        )

    app = FastAPI(dependencies=[Depends(guard)])
    install_problem_handlers(app)
    api = TracesApi(
        columns=store,
        scores=DirectScoreWriter(store),
        blobs=blobs,
        audit=audit,
        clock=clock,
        settings=TracesSettings(live_poll_s=0.05),
    )
    app.include_router(build_router(api))
    return app


@pytest.fixture
def http(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://test") as client:
        yield client
