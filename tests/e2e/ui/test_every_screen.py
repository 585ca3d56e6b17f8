"""Every screen, in both languages and themes: it shows what belongs there, and axe finds nothing."""

from collections.abc import Callable
from typing import Any

import pytest

LOOKS = [("en", "light"), ("en", "dark"), ("ja", "light"), ("ja", "dark")]

SCREENS: dict[str, tuple[str, str]] = {
    "traces": ("/p/{project}/traces", "[role=row] [role=gridcell]"),
    "trace": ("/p/{project}/traces/{trace}", "[role=treeitem]"),
    "trace-usage": ("/p/{project}/traces/{trace}?span={llm}&view=facts", "table"),
    "trace-scores": ("/p/{project}/traces/{trace}?view=scores", "[role=tabpanel] li"),
    "trace-attributes": ("/p/{project}/traces/{trace}?span={llm}&view=attributes", "[role=tabpanel] section"),
    "trace-events": ("/p/{project}/traces/{failed_trace}?span={failed_tool}&view=events", "[role=tabpanel] li"),
    "transcript": ("/p/{project}/traces/{trace}?tab=transcript", "article[data-role]"),
    "compare": ("/p/{project}/compare?ids={trace}.{llm},{failed_trace}.{failed_tool}", "section dl"),
    "compare-sessions": ("/p/{project}/compare-sessions?ids=chat-1,chat-2", "section dl"),
    "sessions": ("/p/{project}/sessions", "tbody tr"),
    "session": ("/p/{project}/sessions/chat-1", "article[data-role]"),
    "users": ("/p/{project}/users", "tbody tr"),
    "scores": ("/p/{project}/scores", "tbody tr"),
    "live": ("/p/{project}/live", "h1"),
    "start": ("/p/{project}/start", "pre"),
    "keys": ("/p/{project}/settings/keys", "tbody tr"),
    "members": ("/p/{project}/settings/members", "tbody tr"),
    "prices": ("/p/{project}/settings/prices", "tbody tr"),
    "audit": ("/p/{project}/settings/audit", "tbody tr"),
    "tokens": ("/p/{project}/settings/tokens", "h1"),
    "notices": ("/p/{project}/settings/notices", "h1"),
    "system": ("/p/{project}/settings/system", "tbody tr"),
    "not-found": ("/nowhere/at/all", "h1"),
}


@pytest.mark.parametrize(("lang", "theme"), LOOKS)
def test_screens(
    lang: str,
    theme: str,
    open_page: Callable[..., Any],
    traces: list[list[dict[str, Any]]],
    axe: Callable[[Any], list[str]],
    shoot: Callable[..., None],
) -> None:
    """One visit to all of them, so that the browser's cache works as a reader's does."""
    trace, failed = traces[0], traces[4]
    page = open_page("/p/{project}/traces", lang=lang, theme=theme)
    origin, project = page.url.split("/p/")[0], page.url.split("/p/")[1].split("/")[0]
    ids = {
        "{project}": project,
        "{trace}": trace[0]["traceId"],
        "{llm}": trace[5]["spanId"],
        "{failed_trace}": failed[0]["traceId"],
        "{failed_tool}": failed[4]["spanId"],
    }
    violations: list[str] = []
    for name, (template, mark) in SCREENS.items():
        path = template
        for place, value in ids.items():
            path = path.replace(place, value)
        page.goto(origin + path)
        page.locator(mark).first.wait_for()
        page.wait_for_timeout(200)
        shoot(page, f"{name}-{lang}-{theme}")
        assert page.locator("html").get_attribute("lang") == lang
        assert page.locator("html").get_attribute("data-theme") == theme
        violations += [f"{name}: {violation}" for violation in axe(page)]
    assert not violations, "\n".join(violations[:20])


@pytest.mark.parametrize(("lang", "theme"), LOOKS)
@pytest.mark.parametrize("path", ["/login", "/setup?token=x", "/invite?token=x"])
def test_outside_the_shell(
    path: str, lang: str, theme: str, open_page: Callable[..., Any], axe: Callable[[Any], list[str]], shoot: Callable[..., None]
) -> None:
    page = open_page(path, lang=lang, theme=theme, signed_in=False)
    page.locator("form").wait_for()
    shoot(page, f"{path[1:6]}-{lang}-{theme}")
    assert not axe(page)


@pytest.mark.parametrize(("lang", "theme"), [("en", "light"), ("ja", "dark")])
def test_overlays(
    lang: str,
    theme: str,
    open_page: Callable[..., Any],
    traces: list[list[dict[str, Any]]],
    axe: Callable[[Any], list[str]],
    shoot: Callable[..., None],
) -> None:
    page = open_page("/p/{project}/traces", lang=lang, theme=theme)
    page.locator("[role=gridcell]").first.wait_for()
    for name, opening in (("palette", "Control+k"), ("keys", "?")):
        page.keyboard.press(opening)
        page.locator("dialog[open]").wait_for()
        shoot(page, f"{name}-{lang}-{theme}")
        assert not axe(page)
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
    page.goto(page.url.split("?")[0] + f"/{traces[0][0]['traceId']}")
    page.locator("[role=treeitem]").first.wait_for()
    page.locator("[role=tabpanel] section").first.wait_for()
    for name, opening in (("score", "s"), ("correct", "e")):
        page.keyboard.press(opening)
        page.locator("dialog[open]").wait_for()
        shoot(page, f"{name}-{lang}-{theme}")
        assert not axe(page)
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
