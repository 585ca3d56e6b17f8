"""The virtual environment: made once, filled from a hash-locked file, refilled only when that file changes.

`uv` (itself locked) does the installing because it is ten times quicker; where it can't reach the packages that pip
is configured for, pip does it.
"""

import hashlib
import os
import sys
from pathlib import Path

from devtools.steps import ROOT, StepError, run_quietly, say

VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"


def venv_command(name: str) -> Path:
    """The path of a console script in the environment."""
    return PYTHON.parent / name


def ensure_environment(lock: Path) -> None:
    """Makes `.venv` hold what the lock says and the project itself (editable)."""
    if lock == RUNTIME_LOCK and _stamp(DEV_LOCK)[0].exists():
        lock = DEV_LOCK  # a development environment stays one, whatever is run next
    stamp, wanted = _stamp(lock)
    if stamp.exists() and stamp.read_text() == wanted and PYTHON.exists():
        return
    if not PYTHON.exists():
        _make_venv()
    _install_uv(lock)
    _install(lock)
    _install_project()
    for other in VENV.glob("requirements*.sha256"):
        other.unlink()
    stamp.write_text(wanted)
    if lock == DEV_LOCK:  # the development environment holds the runtime one
        runtime_stamp, runtime = _stamp(RUNTIME_LOCK)
        runtime_stamp.write_text(runtime)


def _stamp(lock: Path) -> tuple[Path, str]:
    """The file that says which lock `.venv` holds, and what it should say."""
    inputs = lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    return VENV / f"{lock.name}.sha256", hashlib.sha256(inputs).hexdigest()


def _make_venv() -> None:
    try:
        run_quietly("make the environment .venv", [sys.executable, "-m", "venv", VENV])
    except StepError as e:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise StepError(
            f"{e}\nThis Python has no working `venv`. On Debian or Ubuntu: apt-get install python{version}-venv"
        ) from e


def _install_uv(lock: Path) -> None:
    pinned = _locked_block(lock, "uv")
    if not pinned:
        raise StepError(f"{lock.name} doesn't pin uv; run `./dev lock`.")
    requirement = VENV / "uv.lock.txt"
    requirement.write_text(pinned)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run_quietly("install the installer", [*pip, "--require-hashes", "-r", requirement])


def _locked_block(lock: Path, name: str) -> str:
    """The lines of one package in the lock: its version and hashes."""
    lines: list[str] = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}==") or (lines and line.startswith("    --hash")):
            lines.append(line)
        elif lines:
            break
    return "\n".join(lines).rstrip("\\ \n") + "\n" if lines else ""


def _install(lock: Path) -> None:
    count = sum("==" in line and not line.startswith(" ") for line in lock.read_text(encoding="utf-8").splitlines())
    title = f"install {count} packages"
    try:
        run_quietly(title, [venv_command("uv"), "pip", "sync", "--python", PYTHON, "--require-hashes", lock])
    except StepError:
        say("  uv can't install here; pip does it instead (slower)")
        run_quietly(title, [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock])


def _install_project() -> None:
    for folder in (ROOT, ROOT / "sdk"):
        argv: list[str | Path] = [venv_command("uv"), "pip", "install", "--python", PYTHON, "--quiet"]
        argv += ["--no-deps", "--no-build-isolation", "--offline", "--editable", folder]
        run_quietly(f"install {folder.name if folder != ROOT else 'kaname'} (editable)", argv)
