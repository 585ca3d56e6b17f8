"""The worker starts without what its first span doesn't need, and never prices one before it knows the prices."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from kaname.app.worker import may_have_prices
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import migrate


def test_importing_the_worker_leaves_sqlalchemy_out() -> None:
    code = "import sys, kaname.app.worker; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_an_sqlite_file_without_prices_is_certain_to_have_none(tmp_path: Path) -> None:
    file = tmp_path / "a b#.db"
    url = f"sqlite:///{file}"
    assert may_have_prices(url)  # unreadable: better wait
    database = Database(url, pool_size=1)
    migrate(database)
    assert not may_have_prices(url)
    with closing(sqlite3.connect(file)) as connection:  # foreign keys are off in it
        columns = [row[1] for row in connection.execute("PRAGMA table_info(prices)") if row[1] != "deleted_at"]
        marks = ", ".join("1" for _ in columns)
        connection.execute(f"INSERT INTO prices ({', '.join(columns)}) VALUES ({marks})")
        connection.commit()
        assert may_have_prices(url)
        connection.execute("UPDATE prices SET deleted_at = 1")
        connection.commit()
    assert not may_have_prices(url)
    database.close()
    assert may_have_prices("postgresql://localhost/none")
