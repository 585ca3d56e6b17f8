"""The hash locks: `requirements.lock` (to run and to build the UI) and `requirements-dev.lock` (to test and check).

Both are universal (Python 3.11–3.13, all platforms) and name no index.
"""

import re
import shutil
import tempfile
from pathlib import Path

from devtools.environment import DEV_LOCK, RUNTIME_LOCK, venv_command
from devtools.steps import ROOT, StepError, run_quietly, say

_COMPILE = ["pip", "compile", "pyproject.toml", "sdk/pyproject.toml", "--universal", "--python-version", "3.11"]
_COMPILE += ["--generate-hashes", "--no-emit-index-url", "--no-header"]


def _arguments(lock: Path) -> list[str]:
    if lock == RUNTIME_LOCK:
        # The wider set decides versions, so that both environments run the same code.
        return ["--group", "build", "--constraint", str(DEV_LOCK)]
    return ["--all-extras", "--group", "dev"]


def relock(*, upgrade: bool) -> None:
    """Writes both locks anew; `upgrade` takes the newest versions, else only what changed."""
    for lock in (DEV_LOCK, RUNTIME_LOCK):
        extra = ["--upgrade"] if upgrade else []
        argv = [venv_command("uv"), *_COMPILE, *_arguments(lock), *extra, "-o", lock]
        run_quietly(f"lock {lock.name}", argv)


def check_fresh() -> None:
    """Raises StepError when a lock no longer satisfies pyproject.toml."""
    with tempfile.TemporaryDirectory(prefix="kaname-locks-") as folder:
        for lock in (DEV_LOCK, RUNTIME_LOCK):
            copy = Path(folder) / lock.name
            shutil.copy(lock, copy)
            argv = [venv_command("uv"), *_COMPILE, *_arguments(lock), "--quiet", "-o", copy]
            run_quietly(f"lock freshness: {lock.name}", argv)
            if _pins(copy) != _pins(lock):
                raise StepError(f"{lock.name} doesn't match pyproject.toml; run `./dev lock`.")
    for lock in (DEV_LOCK, RUNTIME_LOCK):
        if re.search(r"https?://", lock.read_text(encoding="utf-8")):
            raise StepError(f"{lock.relative_to(ROOT)} names a host; run `./dev lock`.")
    say("✓ locks are fresh")


def _pins(lock: Path) -> set[str]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return {line.rstrip(" \\") for line in lines if re.match(r"^[A-Za-z0-9_.-]+(\[.*\])?==", line)}
