"""A data folder that can't be used is named with the very file, as a sentence and not as a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("blocked", ["journal", "columns", "run/server.lock"])
def test_a_blocked_place_in_the_data_folder_is_named(tmp_path: Path, blocked: str) -> None:
    place = tmp_path / "data" / blocked
    place.parent.mkdir(parents=True, mode=0o700)
    if blocked == "run/server.lock":
        place.mkdir()
    else:
        place.write_text("in the way")
    environment = {**os.environ, "KANAME_SERVER_DATA_DIR": str(tmp_path / "data"), "KANAME_SERVER_PORT": "0"}
    started = subprocess.run(
        [sys.executable, "-m", "kaname.app.cli", "up"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert started.returncode == 3, started.stderr
    said = started.stderr[started.stderr.index("kaname: ") :]
    assert str(place) in said
    assert "→" in said
    assert "Traceback" not in said
