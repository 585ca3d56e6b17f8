"""A score's id is its author's: others replace it only with permission, and on record."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from kaname.access.model import Principal, ProjectScope
from kaname.access.permissions import Permission
from kaname.storage.columns import ColumnsClient
from kaname.traces.score_authors import ScoreAuthors
from traces_rows import OTHER, PROJECT, make_score

SCORES = f"/api/v1/projects/{PROJECT}/scores"
TARGET = {"trace_id": "a" * 32}


def scope(*permissions: Permission, project_id: str = PROJECT) -> ProjectScope:
    principal = Principal(kind="user", id="usr_x", name="X", user_id="usr_x")
    return ProjectScope(
        project_id=project_id, organization_id="org_1", principal=principal, permissions=frozenset(permissions)
    )


def admitted(authors: ScoreAuthors, where: ProjectScope, *pairs: tuple[str, str]) -> list[str]:
    rows = [make_score(1, score_id=i, author_id=author, project_id=where.project_id) for i, author in pairs]
    return [r.score_id for r in asyncio.run(authors.admit(where, rows))]


def test_only_the_author_writes_again(store: ColumnsClient, insert: Callable[..., None], audit: Any) -> None:
    insert(make_score(1, score_id="theirs", author_id="usr_1"), make_score(1, score_id="of_span", author_id=""))
    authors = ScoreAuthors(store, audit)
    where = scope("scores:write")
    wanted = [("theirs", "key_2"), ("new", "key_2"), ("of_span", "key_2")]
    assert admitted(authors, where, *wanted) == ["new"]
    assert admitted(authors, where, ("theirs", "usr_1")) == ["theirs"]
    assert audit.entries == []


def test_an_id_is_taken_before_the_store_shows_it(store: ColumnsClient, audit: Any) -> None:
    authors = ScoreAuthors(store, audit)
    assert admitted(authors, scope("scores:write"), ("s", "usr_1"), ("s", "usr_2")) == ["s"]
    assert admitted(authors, scope("scores:write"), ("s", "usr_2")) == []
    assert admitted(authors, scope("scores:write"), ("s", "usr_1")) == ["s"]
    assert admitted(authors, scope("scores:write", project_id=OTHER), ("s", "usr_2")) == ["s"], "another project's id"


def test_whoever_may_delete_may_replace_on_record(
    store: ColumnsClient, insert: Callable[..., None], audit: Any
) -> None:
    insert(make_score(1, score_id="theirs", author_id="usr_1"))
    authors = ScoreAuthors(store, audit)
    where = scope("scores:write", "scores:delete")
    assert admitted(authors, where, ("theirs", "usr_2"), ("new", "usr_2")) == ["theirs", "new"]
    assert audit.entries == [(PROJECT, "replaced score/theirs")]


def test_over_http(http: TestClient, insert: Callable[..., None], audit: Any) -> None:
    insert(make_score(1, score_id="theirs", author_id="usr_2"))
    assert http.post(SCORES, json={"id": "theirs", "name": "n", "value": 1, "target": TARGET}).status_code == 201
    assert http.post(SCORES, json={"name": "n", "value": 1, "target": TARGET}).status_code == 201
    assert audit.entries == [(PROJECT, "replaced score/theirs")]


def test_many_ids_are_looked_up(store: ColumnsClient, insert: Callable[..., None], audit: Any) -> None:
    insert(*(make_score(1, score_id=f"s{i}", author_id="usr_1") for i in range(600)))
    pairs = [(f"s{i}", "usr_2") for i in range(601)]
    assert admitted(ScoreAuthors(store, audit), scope("scores:write"), *pairs) == ["s600"]
