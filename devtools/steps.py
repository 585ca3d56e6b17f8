"""Running a command as a visible step: a line while it runs, its output only when it fails, Ctrl-C ends it."""

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class StepError(Exception):
    """A step ended with a non-zero status; the message is ready to print."""


def say(text: str) -> None:
    """One line to the person."""
    print(text, flush=True)


def run_quietly(
    title: str, argv: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> str:
    """Runs a command behind a title with elapsed seconds; returns stdout+stderr, raises StepError with their tail."""
    started = time.monotonic()
    with _Ticker(title) as ticker:
        process = subprocess.Popen(
            [str(a) for a in argv],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        ticker.close(f"{'✓' if process.returncode == 0 else '✗'} {title} ({time.monotonic() - started:.0f} s)")
    if process.returncode != 0:
        tail = "\n".join(output.splitlines()[-60:])
        raise StepError(f"{tail}\n\n`{shlex.join(str(a) for a in argv)}` ended with status {process.returncode}.")
    return output


def run_loudly(argv: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, cwd: Path = ROOT) -> int:
    """Runs a command with our own terminal; returns its status. Ctrl-C reaches it and is waited for."""
    process = subprocess.Popen([str(a) for a in argv], cwd=cwd, env={**os.environ, **(environment or {})})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal sent it to the child too; wait for its own orderly end
            continue


class _Ticker:
    """Shows `title … 12 s` on a terminal, or a single line elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = sys.stdout.isatty()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> "_Ticker":
        if self._live:
            self._thread.start()
        else:
            say(f"… {self._title}")
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def close(self, text: str) -> None:
        """Replaces the running line with the final one."""
        self._done.set()
        say(f"\r\033[K{text}" if self._live else text)

    def _tick(self) -> None:
        started = time.monotonic()
        while not self._done.wait(0.2):
            sys.stdout.write(f"\r\033[K… {self._title} {time.monotonic() - started:.0f} s")
            sys.stdout.flush()
