"""The key source without SQLAlchemy reads and writes what the other one does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from fixtures_access import Browser, Site
from kaname.access.keys import SqlKeySource
from kaname.access.ports import KeyRecord
from kaname.access.sqlite_keys import SqliteKeySource
from kaname.app.sqlite_file import holds_only_keys, sqlite_file
from kaname.kernel.errors import UnavailableError


def file_of(site: Site) -> Path:
    if not site.access.database.is_sqlite:
        pytest.skip("only SQLite is a file")
    with site.access.database.read() as connection:
        return Path(connection.execute(sa.text("PRAGMA database_list")).one()[2])


def by_id(records: object) -> dict[str, KeyRecord]:
    return {record.key_id: record for record in records}  # type: ignore[attr-defined]


def test_both_give_the_same_keys_and_changes(site: Site, owner: Browser) -> None:
    quick, full = SqliteKeySource(file_of(site)), SqlKeySource(site.access.database)
    ends = (site.clock.now() + timedelta(days=3, microseconds=7)).isoformat()
    first = owner.client.post(owner.keys, json={"name": "本番", "expires_at": ends}).json()
    second = owner.client.post(owner.keys, json={"name": "k", "scopes": ["gateway:call"]}).json()
    version, records = quick.changes_since(0)
    assert (version, by_id(records)) == (full.changes_since(0)[0], by_id(full.changes_since(0)[1]))
    assert {first["id"], second["id"]} <= by_id(records).keys()
    assert quick.changes_since(version) == (version, ())
    assert owner.client.delete(f"{owner.keys}/{second['id']}").status_code == 204
    changed = quick.changes_since(version)
    assert changed == full.changes_since(version)
    assert [(r.key_id, r.usable) for r in changed[1]] == [(second["id"], False)]


def test_uses_are_stored_alike_and_never_go_back(site: Site, owner: Browser) -> None:
    quick = SqliteKeySource(file_of(site))
    key = owner.client.post(owner.keys, json={"name": "k"}).json()

    def used() -> str:
        return next(k for k in owner.client.get(owner.keys).json()["items"] if k["id"] == key["id"])["last_used_at"]

    at = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    quick.record_uses({key["id"]: at})
    assert datetime.fromisoformat(used()) == at
    SqlKeySource(site.access.database).record_uses({key["id"]: at - timedelta(seconds=1)})
    quick.record_uses({key["id"]: at - timedelta(seconds=2)})
    assert datetime.fromisoformat(used()) == at


def test_a_file_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        SqliteKeySource(tmp_path / "absent.db").changes_since(0)


def test_a_secret_is_something_that_must_be_loaded_first(site: Site) -> None:
    file = file_of(site)
    assert sqlite_file(f"sqlite:///{file}") == file
    assert sqlite_file("postgresql://host/db") is None
    assert holds_only_keys(file)
    with site.access.database.write() as connection:
        columns = [row[1] for row in connection.execute(sa.text("PRAGMA table_info(gateway_secrets)"))]
        values = ", ".join("'2026-01-01 00:00:00'" if name.endswith("_at") else "'x'" for name in columns)
        connection.execute(sa.text(f"INSERT INTO gateway_secrets VALUES ({values})"))
    assert not holds_only_keys(file)
