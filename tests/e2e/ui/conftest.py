"""Signed-in pages in a language and a theme."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import traffic
from live import LiveServer

OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def traces(ui_server: LiveServer) -> list[list[dict[str, Any]]]:
    """The seeded traces, newest first."""
    return traffic.seed(ui_server)


@pytest.fixture
def open_page(browser: Any, ui_server: LiveServer) -> Iterator[OpenPage]:
    """`open_page(path, lang=…, theme=…)`: a page signed in by cookie; a console error or a failed script fails the test."""
    contexts: list[Any] = []
    problems: list[str] = []

    def open_it(
        path: str, *, lang: str = "en", theme: str = "light", signed_in: bool = True, width: int = 1440, height: int = 900
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        if signed_in:
            context.add_cookies([{"name": k, "value": v, "url": ui_server.url} for k, v in ui_server.cookies.items()])
        context.add_init_script(
            f"localStorage.getItem('kaname.lang') || localStorage.setItem('kaname.lang', '{lang}');"
            f"localStorage.getItem('kaname.theme') || localStorage.setItem('kaname.theme', '{theme}')"
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.goto(ui_server.url + path.replace("{project}", ui_server.project_id))
        return page

    yield open_it
    for context in contexts:
        context.close()
    # The browser reports every refused request; the tests that provoke one look at what the screen says.
    unexpected = [p for p in problems if not p.startswith("Failed to load resource")]
    assert not unexpected, unexpected


AXE = Path(__file__).resolve().parents[3] / "ui" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def axe() -> Callable[[Any], list[str]]:
    """The violations that axe finds on a page: rule, element, what is wrong."""
    if not AXE.exists():
        pytest.skip("axe-core isn't installed: run `npm ci` in ui/")
    source = AXE.read_text(encoding="utf-8")

    def check(page: Any) -> list[str]:
        # By the debugger and not as a script element: the page's Content-Security-Policy stays in force.
        page.evaluate(source)
        result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{v['id']}: {node['target']} {node['failureSummary']}" for v in result["violations"] for node in v["nodes"]
        ]

    return check
