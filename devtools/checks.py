"""`./dev check`: everything that can be judged without running the product. Each check prints its own faults."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from devtools import house, locks
from devtools.client import check_client
from devtools.environment import PYTHON, venv_command
from devtools.frontend import UI, ensure_modules, node_bin, node_environment, npm
from devtools.steps import ROOT, StepError, run_quietly, say

_REGISTRY_HOST = re.compile(
    r"https?://[^\s\"')>]*(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com)"
)
_PYTHON_FOLDERS = ("src", "sdk/src", "tests", "examples", "bench", "devtools", "hatch_build.py", "dev")


def run_checks() -> int:
    """Runs every check, reports all that fail, returns the exit status."""
    node = node_bin(_site_packages())
    environment = node_environment(node)
    ensure_modules(node)
    checks: list[tuple[str, Callable[[], object]]] = [
        ("ruff", lambda: run_quietly("ruff: lint", [venv_command("ruff"), "check", *_python_paths()])),
        ("format", lambda: run_quietly("ruff: format", [venv_command("ruff"), "format", "--check", *_python_paths()])),
        ("imports", lambda: run_quietly("import-linter: the staircase", [venv_command("lint-imports"), "--no-cache"])),
        ("house", house.check),
        ("locks", locks.check_fresh),
        ("hosts", _check_no_registry_host),
        ("client", lambda: check_client(node)),
        (
            "pyright",
            lambda: run_quietly(
                "pyright strict", [UI / "node_modules/.bin/pyright", "-p", ROOT], environment=environment
            ),
        ),
        (
            "ui",
            lambda: run_quietly("biome, tsc, budgets", npm(node, "run", "check"), environment=environment, cwd=UI),
        ),
    ]
    failed: list[str] = []
    for name, check in checks:
        try:
            check()
        except StepError as e:
            say(str(e))
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def _python_paths() -> list[Path]:
    return [ROOT / p for p in _PYTHON_FOLDERS if (ROOT / p).exists()]


def _site_packages() -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([PYTHON, "-c", code], text=True).strip())


def _check_no_registry_host() -> None:
    """No tracked file may name a package registry: people install through mirrors."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    faults: list[str] = []
    for name in filter(None, names):
        path = ROOT / name
        if not path.is_file() or path.stat().st_size > 5_000_000:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        faults.extend(f"{name}: {match.group()}" for match in _REGISTRY_HOST.finditer(text))
        if name.endswith("package-lock.json") and '"resolved"' in text:
            faults.append(f'{name}: has "resolved" addresses')
    if faults:
        raise StepError("a package registry is named in a tracked file:\n" + "\n".join(faults[:20]))
    say("✓ no registry host in tracked files")
