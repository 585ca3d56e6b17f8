"""Settings: projects, roles by project, keys and tokens, prices with tiers, and what each role is offered."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from live import PASSWORD, LiveServer, request

OpenPage = Callable[..., Any]
Axe = Callable[[Any], list[str]]


def organization(server: LiveServer) -> str:
    return f"/api/v1/organizations/{server.organization_id}"


def make_project(server: LiveServer, name: str) -> str:
    return server.call("POST", f"{organization(server)}/projects", {"name": name}).json()["id"]


def fill(server: LiveServer, project_id: str) -> None:
    """A key, and three spans in the column store."""
    key = server.call("POST", f"/api/v1/projects/{project_id}/keys", {"name": "app"}).json()["secret_key"]
    at = time.time_ns()
    spans = [
        {
            "traceId": "cd" * 16,
            "spanId": f"{n + 1:016x}",
            "name": "step",
            "startTimeUnixNano": str(at + n),
            "endTimeUnixNano": str(at + n + 5),
        }
        for n in range(3)
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    assert request("POST", f"{server.url}/v1/traces", body=body, headers=headers).status == 200
    deadline = time.monotonic() + 20
    while not any(i["name"] == "spans" and i["rows"] == 3 for i in contents(server, project_id)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def contents(server: LiveServer, project_id: str) -> list[dict[str, Any]]:
    return server.call("GET", f"{organization(server)}/projects/{project_id}/contents").json()["items"]


def invite(server: LiveServer, email: str, role: str) -> dict[str, str]:
    """A new account with a role; returns its cookies."""
    made = server.call("POST", f"{organization(server)}/users", {"email": email, "role": role}).json()
    body = {"token": made["token"], "name": email.partition("@")[0].title(), "password": PASSWORD}
    answer = request(
        "POST",
        f"{server.url}/api/v1/auth/accept-invite",
        body=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    assert answer.status == 201, answer.body
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    return {name: value}


def test_a_project_is_renamed_at_once_and_back(open_page: OpenPage, ui_server: LiveServer) -> None:
    make_project(ui_server, "Typo")
    page = open_page("/p/{project}/settings/projects")
    page.get_by_role("button", name="Rename Typo").click()
    field = page.get_by_role("textbox", name="Name")
    field.fill("")
    assert page.get_by_role("button", name="Rename", exact=True).is_disabled()
    field.fill("Right name")
    field.press("Enter")
    page.get_by_role("cell", name="Right name", exact=True).wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("cell", name="Typo", exact=True).wait_for()
    page.get_by_title("Switch project").click()
    page.get_by_role("menuitemradio", name=re.compile("^Typo")).wait_for()


def test_deleting_a_project_says_what_goes_and_asks_for_its_name(
    open_page: OpenPage, ui_server: LiveServer, shoot: Callable[..., None], axe: Axe
) -> None:
    project_id = make_project(ui_server, "Doomed")
    fill(ui_server, project_id)
    page = open_page(f"/p/{project_id}/settings/projects")
    page.get_by_role("button", name="Delete Doomed").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_role("row", name="Spans column store 3").wait_for()
    dialog.get_by_role("row", name="API keys, revoked ones too metadata (SQL) 1").wait_for()
    shoot(page, "settings-delete-project")
    assert axe(page) == []
    act = dialog.get_by_role("button", name="Delete project")
    dialog.get_by_role("textbox").fill("doomed")
    assert act.is_disabled()
    dialog.get_by_role("textbox").fill("Doomed")
    act.click()
    # It was the open one: another takes its place.
    page.wait_for_url(lambda url: project_id not in url)
    page.get_by_role("heading", name="Projects", exact=True).wait_for()
    page.get_by_role("cell", name="Doomed", exact=True).wait_for(state="detached")
    assert ui_server.call("GET", f"{organization(ui_server)}/projects/{project_id}/contents").status == 404


def test_another_role_in_one_project(
    open_page: OpenPage, ui_server: LiveServer, shoot: Callable[..., None], axe: Axe
) -> None:
    project_id = make_project(ui_server, "Labelling")
    invite(ui_server, "miki@example.com", "viewer")
    page = open_page("/p/{project}/settings/members")
    page.get_by_role("button", name="Roles of Miki in projects").click()
    select = page.get_by_role("combobox", name="Role in Labelling")
    assert select.input_value() == ""
    assert "owner" not in select.locator("option").evaluate_all("all => all.map((option) => option.value)")
    select.select_option("annotator")
    page.locator("td").get_by_text("Labelling: Annotator").wait_for(state="attached")
    shoot(page, "settings-project-roles")
    assert axe(page) == []

    def roles() -> dict[str, str]:
        users = ui_server.call("GET", f"{organization(ui_server)}/users").json()["items"]
        return next(u["project_roles"] for u in users if u["email"] == "miki@example.com")

    page.get_by_role("status").filter(has_text="Changed the role").wait_for()
    assert roles() == {project_id: "annotator"}
    select.select_option("")
    page.locator("td").get_by_text("Labelling: Annotator").wait_for(state="detached")
    deadline = time.monotonic() + 10
    while roles():
        assert time.monotonic() < deadline, roles()
        time.sleep(0.1)


@pytest.mark.parametrize(("screen", "button"), [("keys", "Create key"), ("tokens", "Create token")])
def test_a_credential_is_renamed(open_page: OpenPage, screen: str, button: str) -> None:
    page = open_page(f"/p/{{project}}/settings/{screen}")
    page.get_by_role("button", name=button).first.click()
    page.get_by_role("textbox", name="Name").fill("before")
    page.get_by_role("button", name=button).last.click()
    page.get_by_role("button", name="I have copied it").click()
    page.get_by_role("button", name="Rename before").click()
    page.get_by_role("textbox", name="Name").fill("after")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_role("cell", name="after", exact=True).wait_for()
    page.reload()
    page.get_by_role("cell", name="after", exact=True).wait_for()


def test_lists_load_further_pages(open_page: OpenPage, ui_server: LiveServer) -> None:
    project_id = make_project(ui_server, "Many keys")
    for number in range(103):
        made = ui_server.call("POST", f"/api/v1/projects/{project_id}/keys", {"name": f"key {number}"})
        assert made.status == 201
    page = open_page(f"/p/{project_id}/settings/keys")
    page.get_by_text("100 rows").wait_for()
    page.get_by_role("button", name="Load more").click()
    page.get_by_text("103 rows").wait_for()
    page.get_by_role("cell", name="key 0", exact=True).wait_for()
    assert page.get_by_role("button", name="Load more").count() == 0


def test_a_price_with_tiers_is_made_and_edited(open_page: OpenPage, shoot: Callable[..., None], axe: Axe) -> None:
    page = open_page("/p/{project}/settings/prices")
    page.get_by_role("button", name="Add price").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_role("textbox", name="Model").fill("long-context")
    dialog.get_by_label("Priority").fill("5")
    dialog.get_by_label("Input", exact=True).fill("1.5")
    dialog.get_by_role("button", name="Add tier").click()
    tier = dialog.get_by_role("group", name="Tier 1")
    tier.get_by_label("Above input tokens").fill("200000")
    tier.get_by_label("Input", exact=True).fill("3")
    shoot(page, "settings-price-tiers")
    assert axe(page) == []
    dialog.get_by_role("button", name="Add price").click()
    row = page.get_by_role("row").filter(has=page.get_by_text("long-context", exact=True))
    row.get_by_text("above 200,000:").wait_for()
    row.get_by_role("cell", name="5", exact=True).wait_for()
    row.get_by_role("button", name="Edit the price of long-context").click()
    dialog.get_by_label("Priority").fill("7")
    dialog.get_by_role("button", name="Remove tier 1").click()
    dialog.get_by_role("button", name="Save").click()
    row.get_by_role("cell", name="7", exact=True).wait_for()
    assert row.get_by_text("above").count() == 0


def test_an_invite_is_cancelled_after_a_question(open_page: OpenPage, ui_server: LiveServer) -> None:
    ui_server.call("POST", f"{organization(ui_server)}/users", {"email": "late@example.com", "role": "viewer"})
    page = open_page("/p/{project}/settings/members")
    page.get_by_role("button", name="Cancel the invite for late@example.com").click()
    page.get_by_role("button", name="Cancel the invite", exact=True).click()
    page.get_by_role("cell", name="late@example.com", exact=True).wait_for(state="detached")


def test_navigation_and_palette_offer_what_the_role_may_open(open_page: OpenPage, ui_server: LiveServer) -> None:
    cookies = invite(ui_server, "reader@example.com", "viewer")
    page = open_page("/p/{project}/traces", signed_in=False)
    page.context.add_cookies([{"name": k, "value": v, "url": ui_server.url} for k, v in cookies.items()])
    page.goto(f"{ui_server.url}/p/{ui_server.project_id}/settings/projects")
    page.get_by_role("heading", name="Projects", exact=True).wait_for()
    shown = page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert {"Traces", "Scores", "Prices", "Projects", "Personal tokens"} <= set(shown)
    assert not {"API keys", "Members", "Audit log", "System status"} & set(shown)
    assert page.get_by_role("button", name=re.compile("^(Rename|Delete|Create project)")).count() == 0
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("key")
    assert page.get_by_role("option", name="API keys").count() == 0
    owner = open_page("/p/{project}/settings/projects")
    owner.get_by_role("heading", name="Projects", exact=True).wait_for()
    offered = owner.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert {"API keys", "Members", "Audit log", "System status"} <= set(offered)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("screen", ["projects", "members", "keys", "tokens", "prices"])
def test_settings_in_both_languages_and_themes(
    open_page: OpenPage, shoot: Callable[..., None], axe: Axe, screen: str, lang: str, theme: str
) -> None:
    page = open_page(f"/p/{{project}}/settings/{screen}", lang=lang, theme=theme)
    page.get_by_role("heading", level=1).wait_for()
    page.locator("tbody tr, h2").first.wait_for()
    shoot(page, f"settings-{screen}-{lang}-{theme}")
    assert axe(page) == []
