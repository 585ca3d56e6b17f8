"""A migrated column store, two projects, and the Traces API over HTTP; its writer of scores inserts at once."""

import asyncio
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient

from kaname.access.model import Principal, ProjectScope, no_such_project
from kaname.access.permissions import PERMISSIONS
from kaname.app.problem import install_problem_handlers
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import NotFoundError
from kaname.storage.columns import ColumnsClient, migrate_columns
from kaname.storage.journal import Journal, JournalSettings
from kaname.storage.sql.database import Database
from kaname.traces.demo.service import DemoLoader
from kaname.traces.live import LiveFeed
from kaname.traces.model import ScoreRow
from kaname.traces.routes import TracesApi, build_router
from kaname.traces.score_authors import ScoreAuthors
from kaname.traces.settings import TracesSettings
from kaname.traces.tables import COLUMNS_MIGRATIONS
from kaname.traces.views.service import ViewStore
from traces_rows import NOW, OTHER, PROJECT, insert_rows


class DirectScoreWriter:
    """Inserts scores itself, so that they are visible when `write` returns."""

    def __init__(self, columns: ColumnsClient) -> None:
        self._columns = columns

    async def write(self, rows: Sequence[ScoreRow]) -> None:
        await asyncio.to_thread(insert_rows, self._columns, *rows)


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

    def record_replacements(self, scope: ProjectScope, targets: Sequence[str]) -> None:
        self.entries += [(scope.project_id, f"replaced {target}") for target in targets]


@pytest.fixture
def store(columns: ColumnsClient) -> ColumnsClient:
    """An empty, migrated column store."""
    migrate_columns(columns, COLUMNS_MIGRATIONS)
    return columns


@pytest.fixture
def insert(store: ColumnsClient) -> Callable[..., None]:
    """insert(*spans_or_scores): rows that are visible at once."""
    return functools.partial(insert_rows, store)


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
def app(
    store: ColumnsClient, clock: ManualClock, blobs: MemoryBlobs, audit: AuditList, tmp_path: Path
) -> Iterator[FastAPI]:
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
    settings = TracesSettings(live_poll_s=0.05)
    # Views and demo data have tests of their own; here they only have to be there.
    database = Database(f"sqlite:///{tmp_path / 'kaname.db'}")
    journal = Journal(tmp_path / "journal", JournalSettings())
    scores = DirectScoreWriter(store)
    api = TracesApi(
        columns=store,
        scores=scores,
        authors=ScoreAuthors(store, audit),
        blobs=blobs,
        audit=audit,
        clock=clock,
        live=LiveFeed(store, clock, settings),
        views=ViewStore(database, clock),
        demo=DemoLoader(database, journal, scores, clock),
        settings=settings,
    )
    app.include_router(build_router(api))
    yield app
    journal.close()
    database.close()


@pytest.fixture
def http(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://test") as client:
        yield client
