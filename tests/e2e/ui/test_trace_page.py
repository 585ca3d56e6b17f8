"""One trace: tree, waterfall, transcript, detail, judging."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from live import LiveServer

OpenPage = Callable[..., Any]
Traces = list[list[dict[str, Any]]]


def open_trace(open_page: OpenPage, trace: list[dict[str, Any]], rest: str = "") -> Any:
    """The page of a trace, with its tree drawn."""
    page = open_page(f"/p/{{project}}/traces/{trace[0]['traceId']}{rest}")
    page.locator("[role=treeitem]").first.wait_for()
    page.locator("[role=tabpanel]").wait_for()
    return page



def test_the_tree_is_walked_by_keys(open_page: OpenPage, traces: Traces) -> None:
    page = open_trace(open_page, traces[0])
    assert page.locator("[role=treeitem]").count() == 7
    assert page.locator("[role=treeitem]").nth(2).get_attribute("aria-level") == "3"
    page.keyboard.press("j")
    page.locator("[role=treeitem][aria-selected=true]", has_text="search_documents").wait_for()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[role=treeitem]")).to_have_count(6)
    page.keyboard.press("ArrowRight")
    expect(page.locator("[role=treeitem]")).to_have_count(7)
    page.keyboard.press("]")
    page.locator("[role=treeitem][aria-selected=true]", has_text="chat").wait_for()
    page.keyboard.press("[")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.locator("[role=treeitem][aria-selected=true]", has_text="answer_question").wait_for()
    assert f"span={traces[0][0]['spanId']}" in page.url


def test_the_next_error_is_one_key_away(open_page: OpenPage, traces: Traces) -> None:
    page = open_trace(open_page, traces[4])
    page.keyboard.press("n")
    page.locator("[role=treeitem][aria-selected=true]", has_text="lookup_setting").wait_for()
    page.get_by_text("TimeoutError: lookup_setting took longer than 2 s").first.wait_for()


def test_search_within_the_tree_keeps_ancestors(open_page: OpenPage, traces: Traces) -> None:
    page = open_trace(open_page, traces[0])
    page.locator("[data-search]").fill("embed")
    expect(page.locator("[role=treeitem]")).to_have_count(3)
    page.get_by_text("1 hit").wait_for()


def test_a_generation_is_read_as_a_chat_with_its_tool_call(open_page: OpenPage, traces: Traces) -> None:
    trace = traces[0]
    page = open_trace(open_page, trace, f"?span={trace[5]['spanId']}")
    panel = page.locator("[role=tabpanel]")
    panel.locator("article[data-role=user]").first.wait_for()
    assert "How do I rotate" in panel.locator("article[data-role=user]").first.inner_text()
    assert "lookup_setting" in panel.locator("article[data-role=assistant]").first.inner_text()
    assert panel.locator("article[data-role=tool]").count() == 1
    assert panel.locator("ol li").count() == 2, "the numbered list of the answer is rendered"
    page.get_by_role("tab", name="Usage").click()
    usage = page.get_by_role("table")
    assert "Input" in usage.inner_text()
    assert "$" in usage.inner_text()


def test_a_number_key_scores_and_undo_takes_it_back(
    open_page: OpenPage, traces: Traces, ui_server: LiveServer
) -> None:
    trace = traces[7]
    page = open_trace(open_page, trace, f"?span={trace[5]['spanId']}&view=scores")
    page.keyboard.press("8")
    page.get_by_text("quality: 8 saved").wait_for()
    page.locator("[role=tabpanel] li", has_text="quality").wait_for()
    wait_for_scores(ui_server, trace[5]["spanId"], 1)
    page.get_by_role("button", name="Undo").click()
    wait_for_scores(ui_server, trace[5]["spanId"], 0)
    page.locator("[role=tabpanel] li", has_text="quality").wait_for(state="detached")


def test_a_correction_is_kept_beside_the_span(open_page: OpenPage, traces: Traces, ui_server: LiveServer) -> None:
    trace = traces[8]
    page = open_trace(open_page, trace, f"?span={trace[5]['spanId']}")
    page.keyboard.press("e")
    better = page.get_by_label("Better output")
    assert better.input_value() != ""
    better.fill("正しい答えは 8700 です。")
    page.get_by_label("Explanation").fill("The port was missing.")
    page.get_by_role("button", name="Save correction").click()
    page.locator("dialog[open]").wait_for(state="detached")
    [score] = wait_for_scores(ui_server, trace[5]["spanId"], 1)
    assert (score["data_type"], score["text"]) == ("correction", "正しい答えは 8700 です。")
    assert (score["source"], score["author_name"]) == ("human", "Owner")
    page.get_by_role("tab", name="Scores").click()
    page.get_by_text("正しい答えは 8700 です。").wait_for()


def test_a_score_by_form(open_page: OpenPage, traces: Traces, ui_server: LiveServer) -> None:
    trace = traces[9]
    page = open_trace(open_page, trace, f"?span={trace[3]['spanId']}")
    page.keyboard.press("s")
    page.get_by_label("Score name").fill("tone")
    page.get_by_text("Label", exact=True).click()
    page.get_by_label("Value").fill("polite")
    page.get_by_role("button", name="Save score").click()
    [score] = wait_for_scores(ui_server, trace[3]["spanId"], 1)
    assert (score["name"], score["label"], score["data_type"]) == ("tone", "polite", "categorical")


def test_the_transcript_shows_every_message_once(open_page: OpenPage, traces: Traces) -> None:
    trace = traces[0]
    page = open_page(f"/p/{{project}}/traces/{trace[0]['traceId']}")
    page.locator("[role=treeitem]").first.wait_for()
    page.keyboard.press("t")
    page.wait_for_url("**tab=transcript**")
    turns = page.locator("article[data-role]:not([role=tabpanel] *)")
    turns.first.wait_for()
    page.get_by_text("5 turns").wait_for()
    page.get_by_label("Repeat the history").check()
    page.get_by_text("8 turns").wait_for()


def test_copied_code_fetches_the_span(open_page: OpenPage, traces: Traces, ui_server: LiveServer) -> None:
    trace = traces[0]
    page = open_trace(open_page, trace, f"?span={trace[5]['spanId']}")
    page.get_by_role("button", name="Copy as…").click()
    page.get_by_role("menuitem", name="curl", exact=True).click()
    page.get_by_text("Copied").first.wait_for()
    code = page.evaluate("navigator.clipboard.readText()")
    path = f"/api/v1/projects/{ui_server.project_id}/traces/{trace[0]['traceId']}/spans/{trace[5]['spanId']}"
    assert f"'{ui_server.url}{path}'" in code
    assert ui_server.with_key("GET", path).status == 200


def test_an_unknown_trace_says_so(open_page: OpenPage, traces: Traces) -> None:
    page = open_page("/p/{project}/traces/" + "f" * 32)
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "not_found" in alert.inner_text()


def wait_for_scores(server: LiveServer, span_id: str, number: int) -> list[dict[str, Any]]:
    """The scores of a span once there are so many; they travel through the journal."""
    for _ in range(100):
        found = server.with_key("GET", server.project_path(f"scores?span_id={span_id}")).json()["items"]
        if len(found) == number:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{len(found)} scores, not {number}: {found}")
