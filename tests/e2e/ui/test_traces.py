"""Finding spans: facets, search, sort, preview, paging, the URL as the state."""

import json
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

OpenPage = Callable[..., Any]
Traces = list[list[dict[str, Any]]]
ROWS = "[role=row]:has([role=gridcell])"


def filters_of(page: Any) -> Any:
    """The filters in the address."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    return json.loads(query["f"][0]) if "f" in query else None


def test_a_facet_narrows_the_table_and_stands_in_the_url(open_page: OpenPage, traces: Traces) -> None:
    seeded = ["service_name", "in", ["assistant"]]
    page = open_page(f"/p/{{project}}/traces?f={json.dumps([seeded])}")
    page.get_by_text("420 spans", exact=True).wait_for()
    page.get_by_role("checkbox", name="Tool", exact=True).check()
    page.get_by_text("60 spans", exact=True).wait_for()
    assert filters_of(page) == [seeded, ["kind", "in", ["tool"]]]
    page.get_by_role("button", name="Exclude error").click(force=True)
    page.get_by_text("53 spans", exact=True).wait_for()
    address = page.url
    page.reload()
    page.get_by_text("53 spans", exact=True).wait_for()
    assert page.url == address
    page.go_back()
    page.get_by_text("60 spans", exact=True).wait_for()


def test_search_finds_japanese_and_english(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces")
    page.locator(ROWS).first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("rotate")
    page.wait_for_url("**q=rotate**")
    expect(page.locator(ROWS).first).to_contain_text("rotate")
    page.locator("[data-search]").fill("料金表")
    expect(page.locator(ROWS).first).to_contain_text("料金表")


def test_keys_move_preview_and_open(open_page: OpenPage, traces: Traces) -> None:
    page = open_page('/p/{project}/traces?f=[["kind","in",["llm"]]]')
    page.locator(ROWS).first.wait_for()
    table = page.locator("[role=grid]").bounding_box()
    page.keyboard.press("j")
    page.locator("[role=row][aria-selected=true]").wait_for()
    page.locator("article[data-role=assistant]").first.wait_for()
    assert page.locator("[role=grid]").bounding_box() == table, "selecting moved the layout"
    page.keyboard.press("j")
    assert page.locator(ROWS).nth(1).get_attribute("aria-selected") == "true"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.locator("[role=tree]").wait_for()
    assert "/traces/" in page.url


def test_sorting_by_duration(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces?cols=name,duration")
    page.locator(ROWS).first.wait_for()
    page.get_by_role("button", name="Duration").click()
    page.wait_for_url("**sort=duration**")
    page.locator("[role=columnheader][aria-sort=descending]", has_text="Duration").wait_for()
    expect(page.locator(ROWS).first.locator("[role=gridcell]").last).to_have_text(re.compile(r"^[45]\.\d+ s$"))


def test_further_pages_load_while_scrolling(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces")
    page.locator(ROWS).first.wait_for()
    page.get_by_text("100 loaded").wait_for()
    page.locator("[role=grid]").evaluate("grid => { grid.scrollTop = grid.scrollHeight; }")
    page.get_by_text("200 loaded").wait_for()
    assert page.locator(ROWS).count() < 80, "all rows are in the document"


def test_dragging_over_the_histogram_zooms(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces?range=24h")
    page.locator(ROWS).first.wait_for()
    strip = page.get_by_title("Drag to zoom, double-click to zoom out")
    box = strip.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.9, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, middle, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=**")
    assert "to=" in page.url
    strip.dblclick()
    expect(page).not_to_have_url(re.compile("from="))


def test_ticked_rows_are_compared(open_page: OpenPage, traces: Traces) -> None:
    page = open_page('/p/{project}/traces?f=[["kind","in",["llm"]]]')
    page.locator(ROWS).first.wait_for()
    for row in (0, 2):
        page.locator(ROWS).nth(row).locator("input[type=checkbox]").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url("**/compare?ids=**")
    page.locator("section dl").nth(1).wait_for()
    assert page.get_by_role("heading", name="Compare 2 spans").is_visible()


def test_columns_are_chosen(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces")
    page.locator(ROWS).first.wait_for()
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Provider").check()
    page.keyboard.press("Escape")
    page.wait_for_url("**provider**")
    page.get_by_role("columnheader", name="Provider").wait_for()


def test_nothing_matches_and_the_way_out(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces?q=zzzzqqqq")
    page.get_by_role("heading", name="No span matches").wait_for()
    page.get_by_role("button", name="Show all spans of all time").click()
    page.locator(ROWS).first.wait_for()


def test_an_error_says_what_and_gives_the_request_id(open_page: OpenPage, traces: Traces) -> None:
    page = open_page('/p/{project}/traces?f=[["no_such_field","eq","x"]]')
    alert = page.get_by_role("alert").first
    alert.wait_for()
    assert "filter_field_misspelt" in alert.inner_text()
    assert "no_such_field" in alert.inner_text()
    alert.get_by_role("button", name="Copy request id").click()
    assert page.evaluate("navigator.clipboard.readText()")


def test_the_palette_opens_a_trace_by_its_id(open_page: OpenPage, traces: Traces) -> None:
    trace_id = traces[3][0]["traceId"]
    page = open_page("/p/{project}/scores")
    page.locator("h1").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill(trace_id)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/traces/{trace_id}")
    page.locator("[role=treeitem]").first.wait_for()


def test_shortcuts_wait_while_an_input_method_composes(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces")
    page.locator(ROWS).first.wait_for()
    page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', isComposing: true, bubbles: true }))")
    page.wait_for_timeout(200)
    assert page.locator("[aria-selected=true]").count() == 0
