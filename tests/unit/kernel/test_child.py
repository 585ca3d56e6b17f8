import os
import signal
import sys
import time

import pytest

from kaname.kernel.child import ChildProcess
from kaname.kernel.errors import UnavailableError

READY_THEN_WAIT = """
from kaname.kernel.child import announce_ready, exit_with_parent
import os, time
exit_with_parent()
announce_ready({"pid": os.getpid()})
time.sleep(60)
"""


def wait_until(condition, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_child_comes_back() -> None:
    child = ChildProcess("example", [sys.executable, "-c", READY_THEN_WAIT])
    child.start()
    try:
        first = child.wait_ready()["pid"]
        os.kill(int(str(first)), signal.SIGKILL)
        wait_until(lambda: child.restarts == 1 and child.state == "ready")
        assert child.wait_ready()["pid"] != first
    finally:
        child.stop()
    assert child.state == "stopped"
    assert child.pid is None


def test_a_native_engine_gets_no_secret_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("KANAME_SQL_URL", "postgresql://kaname:secret@db/kaname")
    code = "import json, os; print(json.dumps(dict(os.environ)), flush=True); import time; time.sleep(60)"
    child = ChildProcess("example", [sys.executable, "-c", code], inherit_environment=False, environment={"OWN": "1"})
    child.start()
    try:
        seen = child.wait_ready()
    finally:
        child.stop()
    assert seen["OWN"] == "1"
    assert "PATH" in seen
    assert not {"OPENAI_API_KEY", "KANAME_SQL_URL"} & set(seen)


def test_a_child_that_never_gets_ready_is_given_up(tmp_path) -> None:
    child = ChildProcess("broken", [sys.executable, "-c", "raise SystemExit(3)"], max_quick_failures=1)
    child.start()
    wait_until(lambda: child.state == "failed")
    with pytest.raises(UnavailableError, match="broken"):
        child.wait_ready(0.01)
    child.stop()


def test_a_child_ends_when_its_parent_is_killed() -> None:
    parent = f"""
import sys, time
from kaname.kernel.child import ChildProcess
child = ChildProcess("example", [sys.executable, "-c", {READY_THEN_WAIT!r}])
child.start()
print(child.wait_ready()["pid"], flush=True)
time.sleep(60)
"""
    import subprocess

    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child_pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    wait_until(lambda: not alive(child_pid))
