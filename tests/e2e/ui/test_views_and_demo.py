"""Saved views, demo data, rows that wait, bars that lead to their spans, and sessions side by side."""

import json
import re
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
import traffic
from playwright.sync_api import expect

from live import LiveServer

OpenPage = Callable[..., Any]
Axe = Callable[[Any], list[str]]
ROWS = "[role=row]:has([role=gridcell])"
TOOLS = '[["kind","in",["tool"]]]'


def new_project(server: LiveServer, name: str) -> str:
    made = server.call("POST", f"/api/v1/organizations/{server.organization_id}/projects", {"name": name})
    return str(made.json()["id"])


def search_of(page: Any) -> dict[str, str]:
    return {k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query).items()}


def open_views(page: Any, name: str = "Views") -> Any:
    page.get_by_role("button", name=name, exact=True).click()
    panel = page.get_by_role("dialog", name="Views")
    panel.get_by_label("Save what is shown as").wait_for()
    return panel


def test_a_view_is_saved_chosen_renamed_and_deleted_with_undo(
    open_page: OpenPage, traces: list[Any], axe: Axe, shoot: Callable[..., None]
) -> None:
    page = open_page(f"/p/{{project}}/traces?f={TOOLS}&sort=duration&cols=time,name,duration")
    page.locator(ROWS).first.wait_for()
    panel = open_views(page)
    panel.get_by_label("Save what is shown as").fill("Slow tools 道具")
    panel.get_by_label("Share with the project").check()
    panel.get_by_role("button", name="Save view").click()
    panel.get_by_role("button", name="Slow tools 道具 shared").wait_for()
    assert axe(page) == []
    shoot(page, "views-en-light")

    # Elsewhere first; the view brings back filters, sort and columns.
    panel.get_by_role("button", name="All spans").click()
    page.wait_for_url(lambda url: "sort=" not in url)
    open_views(page).get_by_role("button", name="Slow tools 道具 shared").click()
    page.wait_for_url("**sort=duration**")
    assert json.loads(search_of(page)["f"]) == json.loads(TOOLS)
    assert search_of(page)["cols"] == "time,name,duration"

    panel = open_views(page, "Slow tools 道具")
    panel.get_by_role("button", name="Change Slow tools 道具").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Name of the view").fill("道具")
    page.keyboard.press("Enter")
    panel.get_by_role("button", name="道具 shared").wait_for()

    panel.get_by_role("button", name="Change 道具").click()
    page.get_by_role("menuitem", name="Delete").click()
    panel.get_by_role("button", name="道具 shared").wait_for(state="hidden")
    page.get_by_role("button", name="Undo").click()
    page.keyboard.press("Escape")
    open_views(page, "道具").get_by_role("button", name="道具 shared").wait_for()
    page.reload()
    page.get_by_role("button", name="道具", exact=True).wait_for()


def test_a_view_is_replaced_by_what_is_shown(open_page: OpenPage, traces: list[Any]) -> None:
    page = open_page(f"/p/{{project}}/traces?f={TOOLS}")
    page.locator(ROWS).first.wait_for()
    panel = open_views(page)
    panel.get_by_label("Save what is shown as").fill("Mine")
    panel.get_by_role("button", name="Save view").click()
    panel.get_by_role("button", name="Mine", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.locator("[data-search]").fill("rotate")
    page.wait_for_url("**q=rotate**")
    panel = open_views(page)
    panel.get_by_role("button", name="Change Mine").click()
    page.get_by_role("menuitem", name="Replace by what is shown").click()
    expect(panel.get_by_role("button", name="Mine", exact=True)).to_have_attribute("aria-pressed", "true")


def test_demo_data_fills_an_empty_project(
    open_page: OpenPage, ui_server: LiveServer, axe: Axe, shoot: Callable[..., None]
) -> None:
    project = new_project(ui_server, "Demo")
    page = open_page(f"/p/{project}/traces")
    page.get_by_role("button", name="Load demo data").click()
    dialog = page.get_by_role("dialog", name="Load demo data")
    dialog.get_by_text("stays until the project is deleted").wait_for()
    assert axe(page) == []
    shoot(page, "demo-dialog-en-light")
    dialog.get_by_role("button", name="Load it").click()
    page.get_by_text("168 spans and 130 scores are on their way").wait_for()
    page.locator(ROWS).first.wait_for()
    page.get_by_text("168 spans", exact=True).wait_for()
    shoot(page, "demo-loaded-en-light")
    page.get_by_role("checkbox", name="demo", exact=True).first.wait_for()

    page.goto(f"{ui_server.url}/p/{project}/start")
    page.get_by_role("button", name="Load demo data").click()
    page.get_by_role("dialog").get_by_role("button", name="Load it").click()
    page.get_by_text("The 168 demo spans are already in this project").wait_for()


@pytest.mark.parametrize(("lang", "theme"), [("en", "dark"), ("ja", "light"), ("ja", "dark")])
def test_panels_in_every_look(
    lang: str, theme: str, open_page: OpenPage, traces: list[Any], axe: Axe, shoot: Callable[..., None]
) -> None:
    page = open_page("/p/{project}/traces?range=24h", lang=lang, theme=theme)
    page.locator(ROWS).first.wait_for()
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Views" if lang == "en" else "ビュー", exact=True).click()
    page.get_by_role("dialog").get_by_role("textbox").wait_for()
    shoot(page, f"views-{lang}-{theme}")
    found = axe(page)
    page.goto(page.url.split("/traces")[0] + "/start")
    page.get_by_role("button", name="Load demo data" if lang == "en" else "デモデータを読み込む").click()
    page.get_by_role("dialog").wait_for()
    shoot(page, f"demo-dialog-{lang}-{theme}")
    assert found + axe(page) == []


def test_arrivals_wait_under_a_pill_in_the_traces_table(
    open_page: OpenPage, ui_server: LiveServer, traces: list[Any], axe: Axe, shoot: Callable[..., None]
) -> None:
    page = open_page('/p/{project}/traces?f=[["service_name","in",["pill"]]]&range=24h')
    page.get_by_role("heading", name="No span matches").wait_for()
    # Nobody reads an empty table: the first spans come by themselves.
    traffic.send(ui_server, traffic.make_trace(9301, time.time_ns() - 6_000_000_000), service="pill")
    expect(page.locator(ROWS)).to_have_count(7, timeout=20_000)
    traffic.send(ui_server, traffic.make_trace(9302, time.time_ns() - 6_000_000_000), service="pill")
    pill = page.get_by_role("button", name="7 new")
    pill.wait_for()
    assert page.locator(ROWS).count() == 7
    assert axe(page) == []
    shoot(page, "pill-en-light")
    page.keyboard.press(".")
    expect(page.locator(ROWS)).to_have_count(14, timeout=20_000)
    expect(pill).to_have_count(0)


def test_a_bar_leads_to_its_slowest_spans(
    open_page: OpenPage, traces: list[Any], axe: Axe, shoot: Callable[..., None]
) -> None:
    page = open_page("/p/{project}/traces?range=24h")
    page.locator(ROWS).first.wait_for()
    strip = page.get_by_role("slider", name=re.compile("over time"))
    strip.focus()
    page.keyboard.press("ArrowLeft")
    slow = page.get_by_role("button", name=re.compile("^p95"))
    for _ in range(60):
        if slow.count():
            break
        page.keyboard.press("ArrowLeft")
    assert axe(page) == []
    shoot(page, "bar-en-light")
    slow.click()
    page.wait_for_url("**sort=duration**")
    found = search_of(page)
    assert {"from", "to"} <= found.keys()
    assert json.loads(found["f"])[0][:2] == ["duration_ms", "gte"]
    page.locator(ROWS).first.wait_for()


def test_sessions_are_compared(open_page: OpenPage, traces: list[Any], axe: Axe, shoot: Callable[..., None]) -> None:
    page = open_page("/p/{project}/sessions")
    for name in ("chat-1", "chat-2"):
        page.get_by_role("checkbox", name=f"Tick {name} for comparing", exact=True).check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url("**/compare-sessions?ids=**")
    page.get_by_role("heading", name="Compare 2 sessions").wait_for()
    page.get_by_role("heading", name="Conversation against A").wait_for()
    assert axe(page) == []
    shoot(page, "compare-sessions-en-light")


def test_the_live_view_is_narrowed_by_the_server(open_page: OpenPage, ui_server: LiveServer, traces: list[Any]) -> None:
    page = open_page('/p/{project}/live?f=[["kind","in",["tool"]]]')
    page.get_by_text("live", exact=True).wait_for()
    asked = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert all("filter=" in url for url in asked if "/live" in url)
    traffic.send(ui_server, traffic.make_trace(9401, time.time_ns() - 6_000_000_000), service="narrow")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(ROWS)).to_contain_text("lookup_setting")


def test_the_label_of_a_full_bar_leaves_its_ends_in_sight(
    open_page: OpenPage, traces: list[Any], shoot: Callable[..., None]
) -> None:
    page = open_page(f"/p/{{project}}/traces/{traces[3][0]['traceId']}")
    page.locator("[role=treeitem]").first.wait_for()
    boxes = page.evaluate(
        """() => {
          const row = document.querySelector('[role=treeitem]');
          const [bar, label] = row.lastElementChild.children;
          return [bar, label].map((e) => e.getBoundingClientRect()).map((b) => [b.left, b.right]);
        }"""
    )
    (bar_from, bar_to), (label_from, label_to) = boxes
    assert bar_from + 8 < label_from
    assert label_to < bar_to - 8
    shoot(page, "waterfall-en-light")
