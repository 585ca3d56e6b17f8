"""The commands of `./dev`."""

import argparse
import os
import shutil
import subprocess
from pathlib import Path

from devtools import checks, locks
from devtools.client import write_client
from devtools.environment import DEV_LOCK, PYTHON, RUNTIME_LOCK, ensure_environment
from devtools.frontend import UI, ensure_built, ensure_modules, node_bin, node_environment, npm
from devtools.full_engine import python_of_tests
from devtools.steps import ROOT, StepError, run_loudly, run_quietly, say

PASSES_ON = ("demo", "test", "bench")
"""Commands whose further arguments belong to what they start."""
_TESTS_FAILED = 1
"""pytest's status for that; others mean that it couldn't run them."""


def main(argv: list[str]) -> int:
    """Parses and runs one command."""
    parser = argparse.ArgumentParser(prog="./dev", description="The whole contributor interface of Kaname.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser(
        "demo", help="set everything up, run the example assistant, leave the server up", add_help=False
    )
    commands.add_parser("test", help="run all tests; further arguments go to pytest", add_help=False)
    commands.add_parser("check", help="ruff, pyright, import-linter, size budgets, biome, tsc, locks, hosts")
    commands.add_parser("client", help="generate the UI's typed client from the server's OpenAPI")
    commands.add_parser("ui", help="the UI's development server (needs a running `kaname up`)")
    lock = commands.add_parser("lock", help="write the hash locks anew after a change in pyproject.toml")
    lock.add_argument("--upgrade", action="store_true", help="take the newest versions")
    commands.add_parser("bench", help="run the benchmarks, or the named ones; --list shows them", add_help=False)
    options, rest = parser.parse_known_args(argv)
    if rest and options.command not in PASSES_ON:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        return _run(options)
    except StepError as e:
        say(str(e))
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
        return 130


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "demo":
            return _demo(options.rest)
        case "test":
            return _test(options.rest)
        case "check":
            ensure_environment(DEV_LOCK)
            ensure_built(_node())
            return checks.run_checks()
        case "client":
            ensure_environment(DEV_LOCK)
            write_client(_node())
            return 0
        case "ui":
            ensure_environment(RUNTIME_LOCK)
            node = _node()
            ensure_modules(node)
            return run_loudly(npm(node, "run", "dev"), environment=node_environment(node), cwd=UI)
        case "lock":
            ensure_environment(RUNTIME_LOCK)
            locks.relock(upgrade=options.upgrade)
            return 0
        case _:
            ensure_environment(DEV_LOCK)
            ensure_built(_node())
            return run_loudly([PYTHON, "-m", "bench", *options.rest])


def _demo(rest: list[str]) -> int:
    ensure_environment(RUNTIME_LOCK)
    ensure_built(_node())
    return run_loudly([PYTHON, "-m", "kaname.app.demo", "--example", ROOT / "examples" / "assistant", *rest])


def _test(rest: list[str]) -> int:
    ensure_environment(DEV_LOCK)
    ensure_built(_node())
    _ensure_chromium()
    python = python_of_tests()
    if rest:
        return run_loudly([python, "-m", "pytest", *rest])
    # The browser tests run apart: Playwright keeps an event loop running in its process, where `asyncio.run` can't.
    status = _run_tests(python, "--ignore", ROOT / "tests" / "e2e")
    status = _run_tests(python, ROOT / "tests" / "e2e") or status
    if status == 0:
        node = _node()
        ensure_modules(node)
        run_quietly("the UI's unit tests", npm(node, "test"), environment=node_environment(node), cwd=UI)
    return status


def _run_tests(python: Path, *which: str | Path) -> int:
    """Runs tests two at a time. What failed runs once more, alone: a defect fails again, and what passes then had met a
    busy machine. Both runs are printed, so that nobody misses a test that can't be relied on."""
    status = run_loudly([python, "-m", "pytest", "-n", "2", *which])
    if status != _TESTS_FAILED:
        return status
    say("  the tests that failed run once more, alone")
    return run_loudly([python, "-m", "pytest", "--last-failed", "--maxfail", "5", *which])


def _ensure_chromium() -> None:
    """Debian's Chromium for the browser tests, where root and apt exist; otherwise the tests say why they skip."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    if os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        say("  no Chromium, and no root with apt-get to install it: the browser tests will be skipped")
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run_quietly("refresh apt's lists", ["apt-get", "update", "-q"], environment=quiet)
        packages = ["chromium", "fonts-noto-cjk"]
        run_quietly(
            "install Chromium", ["apt-get", "install", "-qy", "--no-install-recommends", *packages], environment=quiet
        )
    except StepError as e:
        say(f"{e}\n  Chromium can't be installed: the browser tests will be skipped")


def _node() -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return node_bin(Path(subprocess.check_output([PYTHON, "-c", code], text=True).strip()))
