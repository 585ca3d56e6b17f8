"""`KANAME_TEST_ENGINE=full ./dev test …`: the same tests over the full engine, a newer one than the product ships.

It stands in for a ClickHouse server of its version, where none can be had: what a newer engine refuses shows here. The
environment `.venv-full` is `.venv` with the other engine; it takes half a gigabyte more, so it is made only on demand.
"""

import hashlib
import os
from pathlib import Path

from devtools.environment import DEV_LOCK, PYTHON, venv_command
from devtools.steps import ROOT, StepError, run_quietly

VARIABLE = "KANAME_TEST_ENGINE"
ENGINE_LOCK = ROOT / "requirements-full-engine.lock"
_VENV = ROOT / ".venv-full"
_PYTHON = _VENV / PYTHON.relative_to(PYTHON.parents[1])


def python_of_tests() -> Path:
    """The interpreter whose environment holds the engine that the variable names."""
    chosen = os.environ.get(VARIABLE, "lite")
    if chosen == "lite":
        return PYTHON
    if chosen != "full":
        raise StepError(f"{VARIABLE} is {chosen!r}: it can be 'lite' (the default) or 'full'.")
    _ensure()
    return _PYTHON


def _ensure() -> None:
    wanted = _without_lite(DEV_LOCK.read_text(encoding="utf-8")) + ENGINE_LOCK.read_text(encoding="utf-8")
    stamp = _VENV / "installed.sha256"
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    uv = venv_command("uv")
    run_quietly("make the environment .venv-full", [uv, "venv", "--clear", "--quiet", "--python", PYTHON, _VENV])
    requirements = _VENV / "requirements.lock"
    requirements.write_text(wanted, encoding="utf-8")
    sync: list[str | Path] = [uv, "pip", "sync", "--quiet", "--python", _PYTHON, "--require-hashes", requirements]
    run_quietly("install the full engine and all packages", sync)
    for folder in (ROOT, ROOT / "sdk"):
        argv: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", _PYTHON, "--no-deps"]
        run_quietly(f"install {folder.name}", [*argv, "--no-build-isolation", "--offline", "--editable", folder])
    stamp.write_text(digest)


def _without_lite(lock: str) -> str:
    """The lock without the lite engine: both provide the package `chdb`."""
    kept: list[str] = []
    skipping = False
    for line in lock.splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            skipping = line.startswith("chdb-core-lite==")
        if not skipping:
            kept.append(line)
    return "".join(kept)
