"""One owner a data directory, whoever is killed and however."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kaname.kernel.errors import ConfigurationError
from kaname.storage.columns import ColumnsSettings, LocalEngine, connect_columns
from kaname.storage.columns.lock import DirectoryLock

OWNER = """
import sys, time
from pathlib import Path
from kaname.storage.columns import ColumnsSettings, LocalEngine
engine = LocalEngine(Path(sys.argv[1]), ColumnsSettings())
engine.start()
engine.wait_ready()
print(engine.pid, engine.endpoint.url, flush=True)
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").exists() or ") Z " not in Path(f"/proc/{pid}/stat").read_text()


def start_owner(directory: Path) -> tuple["subprocess.Popen[str]", int]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert owner.stdout is not None
    child, _url = owner.stdout.readline().split()
    return owner, int(child)


def test_a_second_owner_is_refused_and_told_who_holds_it(tmp_path: Path):
    directory = tmp_path / "columns"
    owner, child = start_owner(directory)
    try:
        with pytest.raises(ConfigurationError) as caught:
            LocalEngine(directory, ColumnsSettings()).start()
        assert caught.value.code == "data_directory_in_use"
        assert str(owner.pid) in caught.value.message
        assert str(directory) in caught.value.message
        assert is_running(child)
    finally:
        owner.kill()
        owner.wait()
        assert owner.stdout is not None
        owner.stdout.close()


def test_kill_9_of_the_owner_ends_the_engine_and_frees_the_directory(tmp_path: Path):
    directory = tmp_path / "columns"
    owner, child = start_owner(directory)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert owner.stdout is not None
    owner.stdout.close()
    # At once, while the orphaned engine may still hold the lock: the new owner waits for it.
    engine = LocalEngine(directory, ColumnsSettings())
    engine.start()
    try:
        engine.wait_ready()
        assert not is_running(child)
        client = connect_columns(ColumnsSettings(), engine.endpoint)
        client.create_database()
        assert client.query_rows("SELECT 1 AS x") == [{"x": 1}]
        client.close()
    finally:
        engine.stop()


def test_a_busy_orphan_lets_go_too(tmp_path: Path):
    directory = tmp_path / "columns"
    owner, child = start_owner(directory)
    # A stopped engine stands for one that is stuck: it can't see that its owner is gone until it is woken.
    os.kill(child, signal.SIGSTOP)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert owner.stdout is not None
    owner.stdout.close()
    lock = DirectoryLock(directory)
    with pytest.raises(ConfigurationError):
        lock.acquire(wait_s=0.3)
    os.kill(child, signal.SIGCONT)
    lock.acquire(wait_s=20)
    lock.release()


def test_the_lock_is_free_after_a_stop_and_stop_may_be_called_twice(tmp_path: Path):
    engine = LocalEngine(tmp_path / "columns", ColumnsSettings())
    for _ in range(2):
        engine.start()
        engine.start()
        engine.wait_ready()
        pid = engine.pid
        engine.stop()
        engine.stop()
        assert pid is not None
        assert not is_running(pid)
        assert engine.state == "stopped"


def test_an_engine_that_can_t_start_is_given_up_and_callers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    directory = tmp_path / "columns"
    directory.mkdir()
    (directory / "store").write_text("not a directory")
    monkeypatch.setattr("kaname.kernel.child.LONGEST_BACKOFF_S", 0.01)
    monkeypatch.setattr("kaname.kernel.child.FIRST_BACKOFF_S", 0.01)
    engine = LocalEngine(directory, ColumnsSettings())
    engine.start()
    try:
        deadline = time.monotonic() + 60
        while engine.state != "failed" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert engine.state == "failed"
        assert not connect_columns(ColumnsSettings(), engine.endpoint).ping()
    finally:
        engine.stop()
