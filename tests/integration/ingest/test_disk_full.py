"""A real full device under the whole server; needs root for a small tmpfs in a namespace of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SKIPPED = 77


@pytest.mark.timeout(400)
def test_a_full_device_refuses_cleanly_loses_nothing_and_recovers():
    path = os.pathsep.join(str(ROOT / part) for part in ("src", "tests", "."))
    done = subprocess.run(
        [sys.executable, "-m", "bench.ingest.disk_full", "--rounds", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    if done.returncode == SKIPPED or "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("a tmpfs can't be mounted here")
    assert done.returncode == 0, done.stdout + done.stderr
