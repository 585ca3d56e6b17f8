"""What happens while it happens: the live view, and the first span of a new project."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

import traffic
from live import LiveServer

OpenPage = Callable[..., Any]
ROWS = "[role=row]:has([role=gridcell])"


def test_new_spans_appear_and_wait_under_a_pill_while_paused(
    open_page: OpenPage, traces: list[Any], ui_server: LiveServer
) -> None:
    page = open_page("/p/{project}/live")
    page.get_by_text("live", exact=True).wait_for()
    traffic.send(ui_server, traffic.make_trace(9001, time.time_ns() - 6_000_000_000), service="live")
    expect(page.locator(ROWS)).to_have_count(7)
    page.keyboard.press(" ")
    page.get_by_text("paused").wait_for()
    traffic.send(ui_server, traffic.make_trace(9002, time.time_ns() - 6_000_000_000), service="live")
    pill = page.get_by_role("button", name="7 new")
    pill.wait_for()
    assert page.locator(ROWS).count() == 7
    pill.click()
    expect(page.locator(ROWS)).to_have_count(14)


def test_the_start_page_turns_green_when_the_first_span_arrives(open_page: OpenPage, ui_server: LiveServer) -> None:
    made = ui_server.call("POST", f"/api/v1/organizations/{ui_server.organization_id}/projects", {"name": "Fresh"})
    project = made.json()["id"]
    page = open_page(f"/p/{project}/traces")
    page.get_by_role("heading", name="No span matches").or_(page.get_by_role("heading", name="No spans yet")).wait_for()
    page.get_by_role("link", name="Send the first span").click()
    page.get_by_text("Waiting for the first span").wait_for()
    page.get_by_role("button", name="Create a key for the snippets").click()
    secret = page.locator("[data-secret]").inner_text()
    snippet = page.get_by_role("region", name="OpenAI client").inner_text()
    assert f'base_url="{ui_server.url}/v1", api_key="{secret}"' in snippet
    page.get_by_role("tab", name="OpenTelemetry").click()
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={ui_server.url}" in page.get_by_role("region", name="OpenTelemetry").inner_text()
    known, ui_server.secret_key = ui_server.secret_key, secret
    try:
        traffic.send(ui_server, traffic.make_trace(9100, time.time_ns() - 6_000_000_000))
    finally:
        ui_server.secret_key = known
    page.get_by_text("It works. The first span arrived:").wait_for()
    page.get_by_role("link", name="Open the trace").click()
    page.locator("[role=treeitem]").first.wait_for()


def test_sessions_lead_to_their_conversation_and_its_traces(open_page: OpenPage, traces: list[Any]) -> None:
    page = open_page("/p/{project}/sessions")
    page.get_by_role("link", name="chat-2", exact=True).click()
    page.locator("article[data-role=user]").first.wait_for()
    page.locator("ol").get_by_role("link", name="answer_question").first.click()
    page.locator("[role=treeitem]").first.wait_for()


def test_a_score_name_leads_to_the_spans_that_have_it(open_page: OpenPage, traces: list[Any]) -> None:
    page = open_page("/p/{project}/scores")
    page.get_by_role("link", name="f1", exact=True).click()
    page.get_by_text("30 spans", exact=True).wait_for()
    page.locator(ROWS).first.wait_for()
