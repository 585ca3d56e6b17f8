"""Changing the gateway in the browser: routes, the file, its history, conflicts, limits, secrets, and a call to try."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e.ui.gateway.conftest import GatewaySite

OpenPage = Callable[..., Any]


@pytest.fixture
def written(site: GatewaySite) -> Iterator[GatewaySite]:
    """The file is at the end what it was at first."""
    yield site
    site.config_path.write_text(site.config)
    site.server.call("GET", "/api/v1/gateway/config")


def weight_of(page: Any, arm: str) -> Any:
    return page.get_by_role("textbox", name=arm, exact=True)


def save(page: Any, message: str) -> None:
    page.get_by_role("button", name="Review and save…").click()
    page.get_by_label("Why").fill(message)
    page.get_by_role("button", name="Save and apply").click()
    page.locator("dialog[open]").wait_for(state="detached")


def test_a_weight_is_edited_undone_saved_and_restored(
    open_page: OpenPage, written: GatewaySite, shoot: Callable[..., None]
) -> None:
    page = open_page("/p/{project}/gateway/routes?model=support-bot&node=s1.arm.a")
    weight_of(page, "a").fill("70")
    status = page.locator("[role=status]", has_text="Unsaved changes")
    status.get_by_text("valid").wait_for()
    shoot(page, "gateway-draft")
    page.get_by_role("button", name="Undo").click()
    status.wait_for(state="detached")
    assert weight_of(page, "a").input_value() == "90"

    weight_of(page, "a").fill("80")
    status.get_by_text("valid").wait_for()
    page.get_by_role("button", name="Review and save…").click()
    page.locator("dialog[open] tr[data-kind=added]").wait_for()
    shoot(page, "gateway-save")
    page.keyboard.press("Escape")
    save(page, "try b more")
    text = written.config_path.read_text()
    assert text == written.config.replace("{a: 90, b: 10}", "{a: 80, b: 10}")  # comments and style are as they were

    page.goto(page.url.split("/gateway/")[0] + "/gateway/config")
    page.get_by_text("try b more").wait_for()
    page.locator("ol li").nth(1).get_by_role("button").click()
    page.get_by_role("button", name="Compared with now").click()
    page.locator("dialog[open] td[data-kind=removed]").first.wait_for()
    page.get_by_role("button", name="Restore this version").click()
    page.locator("dialog[open]").wait_for(state="detached")
    assert written.config_path.read_text() == written.config


def test_what_the_server_refuses_is_said_with_its_line_and_not_saved(open_page: OpenPage, written: GatewaySite) -> None:
    page = open_page("/p/{project}/gateway/routes?model=support-bot&node=s0")
    page.get_by_label("Condition").first.fill("metadata.plan ==")
    page.get_by_role("button", name=re.compile("Line 15")).or_(page.get_by_text("Line 15")).first.wait_for()
    assert page.get_by_role("button", name="Review and save…").is_disabled()
    page.get_by_role("link", name="Configuration").click()
    page.locator(".cm-lint-marker-error").wait_for()
    page.get_by_role("button", name="Discard").click()
    page.locator(".cm-lint-marker-error").wait_for(state="detached")


def test_two_people_change_the_file(open_page: OpenPage, written: GatewaySite, shoot: Callable[..., None]) -> None:
    page = open_page("/p/{project}/gateway/routes?model=support-bot&node=s1.arm.a")
    weight_of(page, "a").fill("60")
    page.get_by_text("valid").wait_for()
    theirs = written.config.replace("draft: {use: box/qwen}", "draft: {use: box/other}")
    current = written.server.call("GET", "/api/v1/gateway/config").json()
    body = {"text": theirs, "message": "theirs", "expected_version": current["text_version"]}
    assert written.server.call("POST", "/api/v1/gateway/config/versions", body).status == 201
    page.get_by_role("button", name="Review and save…").click()
    submit = page.get_by_role("button", name="Save and apply")
    if submit.count():  # the page may have noticed before
        submit.click()
    page.get_by_role("button", name="Take both changes").wait_for()
    shoot(page, "gateway-conflict")
    page.get_by_role("button", name="Take both changes").click()
    page.get_by_role("button", name="Save and apply").click()
    page.locator("dialog[open]").wait_for(state="detached")
    text = written.config_path.read_text()
    assert "a: 60" in text
    assert "box/other" in text


def test_a_route_grows_by_keyboard(open_page: OpenPage, written: GatewaySite) -> None:
    page = open_page("/p/{project}/gateway/routes?model=draft")
    page.locator("button[data-kind=model]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_label("Fall back to").fill("openai/gpt-4o")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("button[data-kind=fallback]", has_text="openai/gpt-4o").wait_for()
    page.get_by_text("valid").wait_for()
    save(page, "")
    assert "draft: {use: box/qwen, fallback: [openai/gpt-4o]}" in written.config_path.read_text()


@pytest.mark.parametrize("stream", [True, False])
def test_a_call_is_tried(open_page: OpenPage, site: GatewaySite, shoot: Callable[..., None], stream: bool) -> None:
    page = open_page("/p/{project}/gateway/try")
    page.get_by_label("Model", exact=True).fill("support-bot")
    page.get_by_label("Message").fill("Hello?")
    page.get_by_label("Stream").set_checked(stream)
    page.get_by_text("metadata.plan").first.wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_text("done", exact=True).wait_for()
    facts = page.locator("dl").first
    facts.get_by_text(re.compile("openai/gpt-4o|box/qwen")).wait_for()
    assert re.search(r"\d+ in, \d+ out", facts.inner_text())
    trace = facts.get_by_role("link")
    assert re.fullmatch("[0-9a-f]{32}", trace.inner_text())
    page.get_by_text("as soon as the trace is there").wait_for(state="detached")
    shoot(page, f"gateway-tried-{'stream' if stream else 'whole'}")
    for language in ("Python", "TypeScript"):
        page.get_by_role("tab", name=language).click()
        assert site.server.url in page.locator("pre").inner_text()
    trace.click()
    page.locator("[role=treeitem]").first.wait_for()


def test_a_failed_call_says_so(open_page: OpenPage, site: GatewaySite) -> None:
    page = open_page("/p/{project}/gateway/try")
    page.get_by_label("Model", exact=True).fill("flaky/llama")
    page.get_by_role("button", name="Run").click()
    alert = page.locator("[role=alert]")
    alert.wait_for()
    assert re.search("50[23]", alert.inner_text())


def test_limits_and_secrets_are_set(open_page: OpenPage, site: GatewaySite) -> None:
    server = site.server
    page = open_page("/p/{project}/gateway/keys")
    page.get_by_role("button", name="Policy of tests").click()
    page.get_by_label("Requests per minute").fill("900")
    page.get_by_role("button", name="Save the policy").click()
    page.get_by_text("900 requests/min").wait_for()
    page.get_by_role("button", name="Add a budget").click()
    page.get_by_label("Counts the spend of").select_option("provider")
    page.get_by_label("Provider", exact=True).fill("openai")
    page.get_by_label("Amount in US dollars").fill("12.5")
    page.locator("dialog[open]").get_by_role("button", name="Add a budget").click()
    page.get_by_text("Provider openai").wait_for()
    budgets = server.call("GET", server.project_path("gateway/budgets")).json()["items"]
    made = next(budget for budget in budgets if budget["scope"] == "provider")
    assert (made["amount_usd"], made["calendar"], made["period"]) == ("12.5", True, "1M")
    page.get_by_role("button", name="Remove: Provider openai").click()
    page.get_by_role("button", name="Remove the budget").click()
    page.get_by_text("Provider openai", exact=True).wait_for(state="detached")

    page.goto(page.url.replace("/keys", "/providers"))
    page.get_by_role("button", name="Add a secret").click()
    page.get_by_label("Name", exact=True).fill("spare")
    page.get_by_label("Value", exact=True).fill("sk-never-shown")
    page.get_by_role("button", name="Save the secret").click()
    page.get_by_role("button", name="Remove secret spare").wait_for()
    assert "sk-never-shown" not in page.content()
    page.get_by_role("button", name="Remove secret spare").click()
    page.get_by_role("button", name="Remove the secret").click()
    page.get_by_role("button", name="Remove secret spare").wait_for(state="detached")
