"""Canaries on the Routes screen: one on its way, one that took itself out; what people do with them; all looks."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from integration.gateway.fault_upstream import BEHAVIOURS, FaultUpstream
from live import LiveServer, start_live_server

STATIC = Path(__file__).resolve().parents[4] / "src" / "kaname" / "static"
CANARIES = "/api/v1/gateway/canaries"
LOOKS = [("en", "light"), ("en", "dark"), ("ja", "light"), ("ja", "dark")]
CONFIG = """\
providers:
  ok: {{base_url: "{upstream}/ok/v1", allow_private: true}}
  bad: {{base_url: "{upstream}/500/v1", allow_private: true}}
models:
  support-bot:
    route:
      - split:
          sticky: user_id
          arms: {{a: 1, b: 1}}
          canary:
            arm: b
            steps: [20, 50, 100]
            guards:
              - {{metric: error_rate, tolerance: 0.2, min_n: 20}}
              - {{metric: p95_latency, tolerance: 0.2, min_n: 20}}
              - {{metric: cost, tolerance: 0.1, min_n: 20}}
              - {{metric: score, name: thumbs_up, tolerance: 0.05}}
            interval: 1m
        targets: {{a: ok/stable, b: ok/new}}
  risky:
    route:
      - split:
          sticky: user_id
          arms: {{a: 1, b: 1}}
          canary: {{arm: b, steps: [50, 100], guards: [{{metric: error_rate, min_n: 20}}]}}
        targets: {{a: ok/stable, b: bad/new}}
    retry: {{max: 0}}
"""


def call(server: LiveServer, model: str, user: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    server.with_key("POST", "/v1/chat/completions", body, headers={"x-kaname-user-id": user})


def canary(server: LiveServer, route: str) -> dict[str, Any]:
    items = server.call("GET", CANARIES).json()["items"]
    return next(item for item in items if item["route"] == route)


def use(server: LiveServer, model: str, until: Callable[[dict[str, Any]], bool]) -> None:
    """Calls until its canary stands as wanted."""
    deadline = time.monotonic() + 60
    turn = 0
    while not until(canary(server, model)):
        assert time.monotonic() < deadline, canary(server, model)
        turn += 1
        users = [f"user-{turn}-{i}" for i in range(40)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(partial(call, server, model), users))


@pytest.fixture(scope="module")
def ui_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Takes the place of the folder's server: `open_page` opens this one."""
    if not (STATIC / "index.html").exists():
        pytest.skip("the browser UI isn't built: run `npm run build` in ui/")
    folder = tmp_path_factory.mktemp("canary-ui") / "data"
    folder.mkdir(mode=0o700)
    with FaultUpstream(BEHAVIOURS) as upstream:
        (folder / "gateway.yaml").write_text(CONFIG.format(upstream=f"http://127.0.0.1:{upstream.port}"))
        server = start_live_server(folder)
        time.sleep(1)  # the gateway begins its canaries with its first looks
        first = canary(server, "support-bot")["id"]
        assert server.call("POST", f"{CANARIES}/{first}/promote", {"message": "Looked fine all night."}).status == 200
        time.sleep(1)
        use(server, "support-bot", lambda found: sum(g["finding"] is not None for g in found["guards"]) >= 2)
        use(server, "risky", lambda found: found["phase"] == "rolled_back")
        yield server
        server.stop()


@pytest.mark.parametrize(("lang", "theme"), LOOKS)
def test_where_canaries_stand(
    lang: str, theme: str, open_page: Callable[..., Any], axe: Callable[[Any], list[str]], shoot: Callable[..., None]
) -> None:
    page = open_page("/p/{project}/gateway/routes?model=support-bot", lang=lang, theme=theme)
    panel = page.locator("article").first
    panel.locator("tbody tr").first.wait_for()
    page.wait_for_timeout(500)
    assert panel.locator("[aria-current=step]").inner_text().startswith("50 %")
    assert panel.locator("tbody tr").count() == 4
    assert panel.locator("svg[data-finding]").count() >= 2
    shoot(page, f"gateway-canary-{lang}-{theme}")
    assert not axe(page)
    panel.locator("summary").click()
    panel.get_by_text("Looked fine all night.").wait_for()

    page.goto(page.url.replace("support-bot", "risky"))
    rolled = page.locator("article li[data-place=failed]")
    rolled.wait_for()
    page.locator("article ol [data-action=rollback]").wait_for()
    page.wait_for_timeout(300)
    shoot(page, f"gateway-canary-rolled-{lang}-{theme}")
    assert not axe(page)


def test_a_person_moves_a_canary(
    ui_server: LiveServer, open_page: Callable[..., Any], axe: Callable[[Any], list[str]], shoot: Callable[..., None]
) -> None:
    page = open_page("/p/{project}/gateway/routes?model=risky")
    panel = page.locator("article").first
    panel.get_by_role("button", name="Restart").click()
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    shoot(page, "gateway-canary-restart-en-light")
    assert not axe(page)
    dialog.get_by_role("textbox").fill("The provider mended it.")
    dialog.get_by_role("button", name="Begin at 50 %").click()
    panel.locator("[aria-current=step]").wait_for()
    assert canary(ui_server, "risky")["phase"] == "running"
    panel.locator("summary").click()
    panel.get_by_text("The provider mended it.").wait_for()

    panel.get_by_role("button", name="Roll back").click()
    dialog.get_by_role("button", name="Roll back").click()
    panel.locator("li[data-place=failed]").wait_for()
    found = canary(ui_server, "risky")
    assert (found["phase"], found["share"], found["rollbacks"]) == ("rolled_back", 0.0, 2)
    arm = page.locator("button[data-kind=arm]").nth(1)
    arm.get_by_text("0 %", exact=True).wait_for()
