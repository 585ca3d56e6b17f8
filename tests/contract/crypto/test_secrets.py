"""Named secrets in SQL, sealed, on both SQL engines."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from kaname.kernel.clock import SystemClock
from kaname.kernel.errors import IntegrityError, NotFoundError, TooLargeError
from kaname.storage.crypto import Keyring
from kaname.storage.secrets import SecretStore, secrets
from kaname.storage.sql.database import Database

OLD, NEW = b"o" * 32, b"n" * 32
CANARY = "sk-canary-3f9a"


@pytest.fixture
def store(database: Database) -> SecretStore:
    return SecretStore(database, Keyring([OLD]), SystemClock())


def put(store: SecretStore, database: Database, owner: str, name: str, value: str) -> None:
    with database.write() as connection:
        store.put(connection, owner, name, value)


def test_put_get_replace_list_delete(store: SecretStore, database: Database) -> None:
    put(store, database, "prj_1", "openai", "first")
    put(store, database, "prj_1", "openai", "鍵")
    put(store, database, "prj_1", "anthropic", "other")
    put(store, database, "prj_2", "openai", "theirs")
    assert store.get("prj_1", "openai") == "鍵"
    assert [s.name for s in store.list_names("prj_1")] == ["anthropic", "openai"]
    with database.write() as connection:
        store.delete(connection, "prj_1", "openai")
    with pytest.raises(NotFoundError):
        store.get("prj_1", "openai")
    with pytest.raises(NotFoundError), database.write() as connection:
        store.delete(connection, "prj_1", "openai")
    assert store.get("prj_2", "openai") == "theirs"


def test_the_plaintext_is_nowhere_in_the_database(
    store: SecretStore, database: Database, sql_engine: str, tmp_path: Path
) -> None:
    put(store, database, "prj_1", "openai", CANARY)
    with database.read() as connection:
        assert CANARY not in str(connection.execute(sa.select(secrets)).all())
    if sql_engine == "sqlite":
        assert all(CANARY.encode() not in path.read_bytes() for path in tmp_path.glob("kaname.db*"))


def test_a_ciphertext_moved_to_another_row_doesnt_open(store: SecretStore, database: Database) -> None:
    put(store, database, "prj_1", "openai", CANARY)
    put(store, database, "prj_2", "openai", "x")
    with database.write() as connection:
        stolen = sa.select(secrets.c.sealed).where(secrets.c.owner == "prj_1").scalar_subquery()
        connection.execute(sa.update(secrets).where(secrets.c.owner == "prj_2").values(sealed=stolen))
    with pytest.raises(IntegrityError):
        store.get("prj_2", "openai")


def test_rotation_reaches_every_secret_and_can_be_repeated(store: SecretStore, database: Database) -> None:
    for number in range(250):
        put(store, database, "prj_1", f"s{number}", f"v{number}")
    both = SecretStore(database, Keyring([NEW, OLD]), SystemClock())
    assert both.rotate() == 250
    assert both.rotate() == 0
    newest = SecretStore(database, Keyring([NEW]), SystemClock())
    assert [newest.get("prj_1", f"s{n}") for n in (0, 249)] == ["v0", "v249"]
    with pytest.raises(IntegrityError):
        store.get("prj_1", "s0")


def test_rotation_leaves_secrets_of_a_missing_key(store: SecretStore, database: Database) -> None:
    put(store, database, "prj_1", "openai", CANARY)
    assert SecretStore(database, Keyring([NEW]), SystemClock()).rotate() == 0
    assert SecretStore(database, Keyring([NEW, OLD]), SystemClock()).rotate() == 1


def test_huge_secrets_are_refused(store: SecretStore, database: Database) -> None:
    with pytest.raises(TooLargeError):
        put(store, database, "prj_1", "big", "x" * (64 * 1024 + 1))
