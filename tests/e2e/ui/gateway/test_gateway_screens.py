"""Every screen of the gateway in both languages and themes: it shows what belongs there, and axe finds nothing."""

from collections.abc import Callable
from typing import Any

import pytest

LOOKS = [("en", "light"), ("en", "dark"), ("ja", "light"), ("ja", "dark")]

SCREENS: dict[str, tuple[str, str]] = {
    "routes": ("routes?model=support-bot", "button[data-kind=mirror]"),
    "routes-target": ("routes?model=support-bot&node=s1.a.t0", "aside, section h2"),
    "routes-arm": ("routes?model=support-bot&node=s1.arm.a", "button[data-kind=arm]"),
    "routes-when": ("routes?model=support-bot&node=s0", "button[data-kind=when]"),
    "routes-flaky": ("routes?model=unreliable&node=s0..t0", "button[data-kind=fallback]"),
    "config": ("config", ".cm-content"),
    "keys": ("keys", "[role=meter]"),
    "providers": ("providers", "tbody tr"),
    "cache": ("cache", "h1"),
    "try": ("try", "pre"),
}


@pytest.mark.parametrize(("lang", "theme"), LOOKS)
def test_gateway_screens(
    lang: str,
    theme: str,
    open_page: Callable[..., Any],
    axe: Callable[[Any], list[str]],
    shoot: Callable[..., None],
) -> None:
    page = open_page("/p/{project}/gateway/routes", lang=lang, theme=theme)
    page.locator("button[data-kind=model]").wait_for()
    base = page.url.split("/gateway/")[0]
    violations: list[str] = []
    for name, (path, mark) in SCREENS.items():
        page.goto(f"{base}/gateway/{path}")
        page.locator(mark).first.wait_for()
        page.wait_for_timeout(600)
        shoot(page, f"gateway-{name}-{lang}-{theme}")
        assert page.locator("[role=alert]").count() == 0, page.locator("[role=alert]").first.inner_text()
        violations += [f"{name}: {violation}" for violation in axe(page)]
    assert not violations, "\n".join(violations[:20])


@pytest.mark.parametrize(("lang", "theme"), [("en", "dark"), ("ja", "light")])
def test_gateway_dialogs(
    lang: str,
    theme: str,
    open_page: Callable[..., Any],
    axe: Callable[[Any], list[str]],
    shoot: Callable[..., None],
) -> None:
    page = open_page("/p/{project}/gateway/keys", lang=lang, theme=theme)
    page.locator("[role=meter]").first.wait_for()
    section = page.locator("section[aria-labelledby=gateway-budgets]")
    openings = {
        "policy": page.locator("tbody tr button").first,
        "budget": section.locator("button").first,
        "budget-change": section.locator("li button").first,
    }
    for name, opening in openings.items():
        opening.click()
        page.locator("dialog[open] form").wait_for()
        shoot(page, f"gateway-{name}-{lang}-{theme}")
        assert not axe(page), name
        page.keyboard.press("Escape")
        page.locator("dialog[open]").wait_for(state="detached")
    page.goto(page.url.replace("/keys", "/config"))
    page.locator("ol li button").first.click()
    page.locator("dialog[open]").wait_for()
    page.wait_for_timeout(300)
    shoot(page, f"gateway-version-{lang}-{theme}")
    assert not axe(page)


def test_screens_fit_a_narrow_window(open_page: Callable[..., Any], shoot: Callable[..., None]) -> None:
    page = open_page("/p/{project}/gateway/routes?model=support-bot", width=760, height=900)
    page.locator("button[data-kind=mirror]").wait_for()
    shoot(page, "gateway-routes-narrow")
    for path in ("keys", "providers", "try", "config"):
        page.goto(page.url.split("/gateway/")[0] + f"/gateway/{path}")
        page.locator("h1").wait_for()
        page.wait_for_timeout(300)
        shoot(page, f"gateway-{path}-narrow")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
