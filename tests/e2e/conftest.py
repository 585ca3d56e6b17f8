"""A real Chromium against a real server with seeded traffic. Skipped, with the reason, where either can't be had."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live import LiveServer, start_live_server

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src" / "kaname" / "static"
SHOTS = Path(__file__).resolve().parent / "shots"
BROWSER_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def ui_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A set-up server with the built UI and an hour of made-up traffic."""
    if not (STATIC / "index.html").exists():
        pytest.skip("the browser UI isn't built: run `npm run build` in ui/")
    server = start_live_server(tmp_path_factory.mktemp("ui") / "data")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """The distribution's Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("KANAME_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium: install the package `chromium` or set KANAME_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keeps a picture in `shots/`, which git ignores: `shoot(page, name)`."""

    def take(page: object, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=str(SHOTS / f"{name}.png"))  # type: ignore[attr-defined]

    return take
