"""Rules and budgets set in the browser count for calls: they refuse, are changed, and are gone once removed."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from e2e.ui.gateway.conftest import GatewaySite
from live import LiveServer

OpenPage = Callable[..., Any]
MODEL = "draft"


def _status(server: LiveServer, user: str) -> int:
    message = {"role": "user", "content": "Where is my parcel?"}
    body = {"model": MODEL, "messages": [message], "user": user}
    return server.with_key("POST", "/v1/chat/completions", body).status


def _until(wanted: int, server: LiveServer, user: str) -> None:
    """Every process knows of a change after an exchange."""
    deadline = time.monotonic() + 15
    while (status := _status(server, user)) != wanted:
        assert time.monotonic() < deadline, status
        time.sleep(0.2)


def test_a_rule_limits_is_changed_and_removed(
    open_page: OpenPage, site: GatewaySite, axe: Callable[[Any], list[str]]
) -> None:
    server, user = site.server, "rule-user"
    page = open_page("/p/{project}/gateway/keys")
    page.get_by_role("button", name="Add a rule").click()
    form = page.locator("dialog[open]")
    form.get_by_label("Name", exact=True).fill("one user")
    form.get_by_role("button", name="Add a rule").click()
    form.get_by_role("alert").wait_for()  # no rate: the server says why, and the form stays
    assert not axe(page)
    form.get_by_label("Requests per minute").fill("1")
    form.get_by_label("End user").fill(user)
    form.get_by_role("button", name="Add a rule").click()
    form.wait_for(state="detached")
    row = page.locator("section[aria-labelledby=gateway-rules] li", has_text="one user")
    row.get_by_text("1 requests/min").wait_for()
    _until(429, server, user)
    assert _status(server, "someone-else") == 200

    page.get_by_role("button", name="Change the rule one user").click()
    form.get_by_label("Requests per minute").fill("6000")
    form.get_by_label("Metadata").fill("plan=free")
    form.get_by_role("button", name="Save the rule").click()
    form.wait_for(state="detached")
    row.get_by_text("6,000 requests/min").wait_for()
    _until(200, server, user)
    rules = server.call("GET", server.project_path("gateway/rules")).json()["items"]
    assert [(r["rpm"], r["user"], r["metadata"]) for r in rules] == [(6000, user, {"plan": "free"})]

    page.get_by_role("button", name="Remove the rule one user").click()
    form.get_by_role("button", name="Remove the rule").click()
    row.wait_for(state="detached")
    assert server.call("GET", server.project_path("gateway/rules")).json()["items"] == []


def test_a_budget_refuses_is_raised_and_removed(open_page: OpenPage, site: GatewaySite) -> None:
    server, user = site.server, "budget-user"
    page = open_page("/p/{project}/gateway/keys")
    page.get_by_role("button", name="Add a budget").click()
    form = page.locator("dialog[open]")
    form.get_by_label("Counts the spend of").select_option("user")
    form.get_by_label("End user").fill(user)
    form.get_by_label("Amount in US dollars").fill("0")
    form.get_by_role("button", name="Add a budget").click()
    form.wait_for(state="detached")
    _until(402, server, user)

    page.get_by_role("button", name=f"Change: User {user}").click()
    form.get_by_label("Amount in US dollars").first.fill("5")
    form.get_by_label("Set what was spent in this window to zero").check()
    form.get_by_role("button", name="Save the budget").click()
    form.wait_for(state="detached")
    _until(200, server, user)

    page.get_by_role("button", name=f"Remove: User {user}").click()
    form.get_by_role("button", name="Remove the budget").click()
    page.get_by_role("button", name=f"Remove: User {user}").wait_for(state="detached")
    budgets = server.call("GET", server.project_path("gateway/budgets")).json()["items"]
    assert user not in [budget["subject"] for budget in budgets]


@pytest.mark.parametrize(("lang", "theme"), [("en", "dark"), ("ja", "light")])
def test_rules_are_legible_in_both_languages(
    lang: str,
    theme: str,
    open_page: OpenPage,
    site: GatewaySite,
    axe: Callable[[Any], list[str]],
    shoot: Callable[..., None],
) -> None:
    server = site.server
    rule = {"name": "free users", "user": "*each", "metadata": {"plan": "free"}, "rpm": 6000, "tpm": 2_000_000}
    made = server.call("POST", server.project_path("gateway/rules"), {**rule, "models": ["gpt-*"], "priority": 10})
    assert made.status == 201, made.body
    page = open_page("/p/{project}/gateway/keys", lang=lang, theme=theme)
    section = page.locator("section[aria-labelledby=gateway-rules]")
    section.locator("li").wait_for()
    section.scroll_into_view_if_needed()
    shoot(page, f"gateway-rules-{lang}-{theme}")
    assert not axe(page)
    section.locator("li button").first.press("Enter")
    page.locator("dialog[open] form").wait_for()
    shoot(page, f"gateway-rule-{lang}-{theme}")
    assert not axe(page)
    server.call("DELETE", server.project_path(f"gateway/rules/{made.json()['id']}"))
