"""What access costs a management request, and how fast a chain of audit entries is written and checked. On SQLite.

    python -m bench.access.management

Bars: a session resolved to its project in at most 2 ms; 1,000 audit entries checked in at most 20 ms of CPU.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kaname.access.model import SYSTEM
from kaname.access.service import build_access
from kaname.access.settings import AccessSettings
from kaname.kernel.clock import SystemClock
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import migrate

ENTRIES = 20_000
CALLS = 500


def report(name: str, calls: int, act: Callable[[], object]) -> None:
    """Prints wall and CPU time for each of `calls` things that `act` does."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name}: {wall / calls * 1e6:.1f} µs wall, {cpu / calls * 1e6:.1f} µs CPU each")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'kaname.db'}")
        report("first start: migrate", 1, lambda: migrate(database))
        report("later start: migrate", 1, lambda: migrate(database))
        access = build_access(database, AccessSettings(), SystemClock())
        made = access.setup.complete(
            str(access.setup.issue()), email="a@example.com", name="A", password="correct horse battery"
        )
        token = access.accounts.open_session(made.user.id)
        authenticator = access.authenticator

        def resolve() -> None:
            for _ in range(CALLS):
                authenticator.project_scope(authenticator.by_session(token), made.project.id)

        def write() -> None:
            with database.write() as connection:
                for number in range(ENTRIES):
                    access.audit.record(
                        connection, SYSTEM, "bench.write", f"thing/{number}", organization_id=made.organization.id
                    )

        def verify() -> None:
            with database.read() as connection:
                assert access.audit.verify(connection, made.organization.id).intact

        report("session to project scope", CALLS, resolve)
        report("write an audit entry", ENTRIES, write)
        report("check an audit entry", ENTRIES, verify)
        database.close()


if __name__ == "__main__":
    main()
