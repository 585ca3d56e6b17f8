"""Errors in the reader's language with their evidence, lists under the keyboard, and panes on a small window."""

from collections.abc import Callable
from typing import Any

import pytest

Traces = list[list[dict[str, Any]]]
OpenPage = Callable[..., Any]
MISSPELT = '/p/{project}/traces?f=[["modle","eq","x"]]'


def test_an_error_is_said_in_japanese_and_keeps_the_servers_words(open_page: OpenPage, traces: Traces) -> None:
    page = open_page(MISSPELT, lang="ja")
    alert = page.get_by_role("alert").first
    alert.wait_for()
    said = alert.inner_text()
    assert "「modle」というフィールドはありません。" in said
    assert "もしかして：model" in said
    assert "no field is called" not in said, "the server's words are folded away"
    alert.get_by_text("技術的な詳細").click()
    assert "no field is called 'modle'" in alert.inner_text()
    alert.get_by_role("button", name="詳細をコピー").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("400 filter_field_misspelt\n")
    assert "\nrequest req_" in copied


def test_the_language_of_an_error_follows_the_reader(open_page: OpenPage, traces: Traces) -> None:
    page = open_page(MISSPELT)
    alert = page.get_by_role("alert").first
    alert.get_by_text("No field is called “modle”.").wait_for()
    page.locator("html").evaluate("() => localStorage.setItem('kaname.lang', 'ja')")
    page.reload()
    alert.get_by_text("「modle」というフィールドはありません。").wait_for()


@pytest.mark.parametrize("place", ["traces/" + "f" * 32, "sessions/nobody"])
def test_a_screen_that_failed_has_a_heading_and_is_accessible(
    place: str, open_page: OpenPage, traces: Traces, axe: Callable[[Any], list[str]]
) -> None:
    page = open_page("/p/{project}/" + place, lang="ja", theme="dark")
    page.get_by_role("alert").get_by_role("heading", level=1).wait_for()
    assert not axe(page)


def test_a_failed_sign_in_says_the_way_out(open_page: OpenPage) -> None:
    page = open_page("/login", lang="ja", signed_in=False)
    page.get_by_label("メールアドレス").fill("nobody@example.com")
    page.get_by_label("パスワード").fill("wrong-wrong-wrong")
    page.get_by_role("button", name="サインイン").click()
    alert = page.get_by_role("alert")
    alert.get_by_text("メールアドレスかパスワードが違います。").wait_for()
    assert "credentials_wrong" in alert.inner_text()


def test_a_list_without_a_match_isnt_an_empty_one(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/users?q=zzzzqqqq")
    page.get_by_role("heading", name="Nothing matches").wait_for()
    page.get_by_role("button", name="Show all").click()
    page.locator("tbody tr").first.wait_for()
    assert "range=all" in page.url
    assert "q=" not in page.url


def test_rows_of_a_list_under_the_keyboard(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/users")
    page.locator("tbody tr").nth(1).wait_for()
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 2
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?*user_id*")


def test_an_error_count_leads_to_the_errors(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/sessions")
    page.locator("tbody tr a", has_text="✕").first.click()
    page.wait_for_url("**/traces?*session_id*")
    page.locator("[role=row] [role=gridcell]").first.wait_for()
    page.get_by_text("1 span", exact=False).first.wait_for()


def test_two_panes_stand_one_above_the_other_on_a_phone(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/sessions/chat-1", width=390, height=844)
    first, second = page.locator("article[data-role]").first, page.get_by_role("heading", level=2).first
    first.wait_for()
    above, below = first.bounding_box(), second.bounding_box()
    assert above["y"] + above["height"] < below["y"]
    assert above["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
