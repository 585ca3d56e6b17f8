"""Getting in, the project's keys, members, prices; what the reader may not do isn't offered."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from live import LiveServer, request

OpenPage = Callable[..., Any]


def test_signing_in_leads_back_to_the_address(open_page: OpenPage, ui_server: LiveServer) -> None:
    page = open_page("/p/{project}/scores?range=all", signed_in=False)
    page.get_by_label("E-mail").fill(ui_server.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    page.get_by_label("Password").fill(ui_server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/scores?range=all")
    page.get_by_role("heading", name="Scores", exact=True).wait_for()
    page.get_by_title("Account: Owner").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url("**/login**")


def test_language_and_theme_are_kept(open_page: OpenPage) -> None:
    page = open_page("/p/{project}/settings/system")
    page.get_by_role("heading", name="System status").wait_for()
    page.get_by_role("button", name="Language").click()
    page.get_by_role("menuitemradio", name="日本語").click()
    page.get_by_role("heading", name="システムの状態").wait_for()
    page.get_by_role("button", name="テーマ").click()
    page.get_by_role("menuitemradio", name="ダーク").click()
    page.reload()
    page.get_by_role("heading", name="システムの状態").wait_for()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_key_is_shown_once_works_and_is_revoked_by_name(open_page: OpenPage, ui_server: LiveServer) -> None:
    page = open_page("/p/{project}/settings/keys")
    page.get_by_role("button", name="Create key").first.click()
    page.get_by_role("textbox", name="Name").fill("e2e application")
    page.get_by_role("button", name="Create key").last.click()
    secret = page.locator("[data-secret]").inner_text()
    assert re.fullmatch(r"kn-sk-[a-z0-9]{20}-[a-z0-9]{40}", secret)
    spans = f"{ui_server.url}{ui_server.project_path('spans?limit=1')}"
    assert request("GET", spans, headers={"authorization": f"Bearer {secret}"}).status == 200
    page.mouse.click(5, 5)
    assert page.locator("dialog[open]").is_visible(), "a stray click closed the only sight of the secret"
    page.get_by_role("button", name="I have copied it").click()
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke e2e application").click()
    revoke = page.get_by_role("button", name="Revoke", exact=True)
    assert revoke.is_disabled()
    page.get_by_label("Type “e2e application” to confirm").fill("e2e application")
    revoke.click()
    page.get_by_role("cell", name="e2e application", exact=True).wait_for(state="detached")
    assert request("GET", spans, headers={"authorization": f"Bearer {secret}"}).status == 401


def test_an_invited_viewer_reads_and_is_offered_no_more(open_page: OpenPage, ui_server: LiveServer) -> None:
    page = open_page("/p/{project}/settings/members")
    page.get_by_role("button", name="Invite").click()
    page.get_by_label("E-mail").fill("viewer@example.com")
    page.get_by_label("Role").select_option("viewer")
    page.locator("dialog").get_by_role("button", name="Invite").click()
    link = page.locator("[data-secret]").inner_text()
    assert link.startswith(ui_server.url)
    guest = open_page(link.removeprefix(ui_server.url), signed_in=False)
    guest.get_by_label("Name").fill("Vera Viewer")
    guest.get_by_label("Password").fill("a-long-enough-secret")
    guest.get_by_role("button", name="Join").click()
    guest.wait_for_url("**/traces**")
    guest.goto(f"{ui_server.url}/p/{ui_server.project_id}/settings/prices")
    guest.get_by_role("heading", name="Prices", exact=True).wait_for()
    assert guest.get_by_role("button", name="Add price").count() == 0
    guest.goto(f"{ui_server.url}/p/{ui_server.project_id}/settings/audit")
    guest.get_by_role("alert").wait_for()
    assert "permission_missing" in guest.get_by_role("alert").inner_text()


def test_a_price_of_ones_own(open_page: OpenPage) -> None:
    page = open_page("/p/{project}/settings/prices?q=gpt-4o-mini")
    page.get_by_role("cell", name="gpt-4o-mini", exact=True).wait_for()
    page.get_by_role("button", name="Add price").click()
    page.get_by_role("textbox", name="Model").fill("smollm2")
    page.get_by_label("Input", exact=True).fill("0.02")
    page.get_by_label("Output", exact=True).fill("0.04")
    page.locator("dialog").get_by_role("button", name="Add price").click()
    page.get_by_role("cell", name="smollm2", exact=True).wait_for()
    page.get_by_role("button", name="Remove the price of smollm2").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("cell", name="smollm2", exact=True).wait_for(state="detached")


def test_the_audit_log_shows_who_did_what_and_is_intact(open_page: OpenPage) -> None:
    page = open_page("/p/{project}/settings/audit")
    page.get_by_role("cell", name="key.create").first.wait_for()
    page.get_by_role("button", name="Check for tampering").click()
    page.get_by_text("entries, unaltered").wait_for()


def test_the_page_allows_no_foreign_code(ui_server: LiveServer) -> None:
    answer = request("GET", f"{ui_server.url}/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert b"<script>" not in answer.body


def test_no_screen_writes_html_by_itself() -> None:
    source = Path(__file__).resolve().parents[3] / "ui" / "src"
    for file in source.rglob("*.ts*"):
        text = file.read_text(encoding="utf-8")
        assert "dangerouslySetInnerHTML" not in text, file
        assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|eval)\b", text), file
