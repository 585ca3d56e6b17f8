"""`kaname doctor`: what is wrong with this installation and how to mend it, with the server running or not.

It reads; it never changes anything, and it opens no store that the running server owns.
"""

import importlib.metadata
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from kaname.app.configuration import Configuration
from kaname.app.data_dir import DataDir, ServerFile, read_server_file
from kaname.app.static_files import STATIC_FOLDER
from kaname.kernel.errors import KanameError
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore
from kaname.storage.columns import connect_columns
from kaname.storage.crypto_settings import MASTER_KEY_FILE
from kaname.storage.journal.inspection import inspect_journal
from kaname.storage.sql.database import Database
from kaname.storage.sql.migrations import require_current
from kaname.storage.sql.settings import database_url

LOW_DISK_BYTES = 2 << 30
LAG_IS_A_FAULT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["ok", "note", "fault"]
    what: str
    remedy: str = ""


class ConfigurationSource(Protocol):
    """Where the settings come from."""

    def configuration(self) -> Configuration:
        """Raises ConfigurationError when a setting is wrong."""
        ...


def diagnose(source: ConfigurationSource) -> Sequence[Finding]:
    """Every finding, in the order in which one depends on the other."""
    try:
        configuration = source.configuration()
    except KanameError as e:
        return [_fault(e)]
    data_dir = DataDir(root=configuration.data_dir)
    findings = [Finding(level="ok", what=f"settings are valid; data folder {data_dir.root}")]
    running = read_server_file(data_dir)
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _check_python,
        lambda: _check_server(configuration, running),
        lambda: _check_data_dir(configuration, data_dir),
        lambda: _check_sql(configuration, data_dir),
        lambda: _check_columns(configuration),
        lambda: _check_journal(data_dir, running),
        lambda: _check_model(configuration, data_dir),
        _check_ui,
    )
    for check in checks:
        try:
            findings.extend(check())
        except KanameError as e:
            findings.append(_fault(e))
    return findings


def _fault(error: KanameError) -> Finding:
    return Finding(level="fault", what=error.message, remedy=error.hint)


def _check_python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    names = ("chdb-core-lite", "clickhouse-connect", "xllamacpp")
    parts = [f"{n} {_version(n)}" for n in names]
    yield Finding(level="ok", what=f"Python {version}; {', '.join(parts)}")


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _check_server(configuration: Configuration, running: ServerFile | None) -> Iterator[Finding]:
    if running is not None:
        yield Finding(level="ok", what=f"a server runs at {running.url} (process {running.pid}, {running.version})")
        return
    yield Finding(level="note", what="no server runs on this data folder", remedy="kaname up")
    server = configuration.server
    if server.port:
        with socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((server.host, server.port))
            except OSError as e:
                yield Finding(
                    level="fault",
                    what=f"{server.host}:{server.port} can't be listened on: {e.strerror}",
                    remedy="Stop what uses the port, or set server.port.",
                )


def _check_data_dir(configuration: Configuration, data_dir: DataDir) -> Iterator[Finding]:
    if not data_dir.root.exists():
        yield Finding(level="note", what=f"{data_dir.root} doesn't exist yet", remedy="kaname up makes it")
        return
    if stat.S_IMODE(data_dir.root.stat().st_mode) & 0o077:
        yield Finding(
            level="fault", what=f"others on this machine can read {data_dir.root}", remedy=f"chmod 700 {data_dir.root}"
        )
    key_file = data_dir.root / MASTER_KEY_FILE
    if key_file.exists() and stat.S_IMODE(key_file.stat().st_mode) & 0o077:
        yield Finding(level="fault", what=f"others can read the master key {key_file}", remedy=f"chmod 600 {key_file}")
    free, needed = data_dir.free_bytes(), max(LOW_DISK_BYTES, configuration.journal.min_free_bytes)
    level: Literal["ok", "fault"] = "ok" if free >= needed else "fault"
    limit = f"journal.min_free_bytes = {configuration.journal.min_free_bytes}"
    remedy = "" if free >= needed else f"Free some space: ingest answers 503 below {limit}."
    yield Finding(level=level, what=f"{free / 1e9:.1f} GB free on the device", remedy=remedy)


def _check_sql(configuration: Configuration, data_dir: DataDir) -> Iterator[Finding]:
    url = database_url(configuration.sql, data_dir.root)
    if url.startswith("sqlite") and not configuration.sql.url and not (data_dir.root / "kaname.db").exists():
        yield Finding(level="note", what="no metadata database yet", remedy="kaname up makes it")
        return
    database = Database(url, pool_size=1)
    try:
        require_current(database)
        yield Finding(level="ok", what=f"metadata database {database.shown_url} answers, schema is current")
    finally:
        database.close()


def _check_columns(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.columns.url:
        yield Finding(level="ok", what="columns: the embedded engine")
        return
    client = connect_columns(configuration.columns, None)
    try:
        if client.ping():
            yield Finding(level="ok", what=f"ClickHouse at {configuration.columns.url} answers")
        else:
            yield Finding(
                level="fault",
                what=f"ClickHouse at {configuration.columns.url} doesn't answer",
                remedy="Check columns.url, columns.user and that the server runs.",
            )
    finally:
        client.close()


def _check_journal(data_dir: DataDir, running: ServerFile | None) -> Iterator[Finding]:
    if not data_dir.journal.exists():
        return
    found = inspect_journal(data_dir.journal)
    lag_s = (time.time_ns() - found.oldest_unconsumed_ns) / 1e9 if found.oldest_unconsumed_ns else 0.0
    what = f"journal: {found.bytes / 1e6:.1f} MB, {found.unconsumed_entries} entries wait (oldest {lag_s:.1f} s)"
    late = running is not None and lag_s > LAG_IS_A_FAULT_S
    yield Finding(
        level="fault" if late else "ok",
        what=what,
        remedy="The worker is behind: see the server's log, and whether the engine runs." if late else "",
    )
    for name in found.damaged_segments:
        yield Finding(
            level="fault",
            what=f"journal segment {name} is damaged; entries around the damage are skipped",
            remedy="Check the disk (smartctl, dmesg). A copy is kept in the journal's quarantine folder.",
        )
    for name in found.quarantined:
        yield Finding(level="note", what=f"quarantined: {name}", remedy="Keep it for analysis, or delete it.")
    dead = sorted((data_dir.journal / "dead").glob("*")) if (data_dir.journal / "dead").exists() else []
    if dead:
        yield Finding(
            level="note", what=f"{len(dead)} entries couldn't be decoded", remedy=f"See {data_dir.journal / 'dead'}."
        )


def _check_model(configuration: Configuration, data_dir: DataDir) -> Iterator[Finding]:
    name = configuration.models.default
    if configuration.models.model_path is not None:
        exists = configuration.models.model_path.exists()
        yield Finding(
            level="ok" if exists else "fault",
            what=f"local model {name!r}: {configuration.models.model_path}",
            remedy="" if exists else "The file doesn't exist: mend models.model_path.",
        )
        return
    if any(m.name == name for m in ModelStore(data_dir.models, build_sources(configuration.models)).list()):
        yield Finding(level="ok", what=f"local model {name!r} is installed")
    else:
        yield Finding(level="note", what=f"local model {name!r} isn't installed", remedy=f"kaname models pull {name}")


def _check_ui() -> Iterator[Finding]:
    if (STATIC_FOLDER / "index.html").exists():
        yield Finding(level="ok", what="the browser UI is built")
    else:
        yield Finding(level="fault", what="the browser UI isn't built", remedy="./dev demo builds it in a checkout")
