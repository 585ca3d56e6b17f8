"""Project prices from the API to the book, on both SQL engines."""

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from fixtures_access import Site
from kaname.access.tables import audit_entries

USAGE = {"input_uncached": 1_000_000, "output_text": 1_000_000}
PRICE = {"pattern": "smollm2-135m", "provider": "local", "prices": {"input_uncached": "0", "output_text": "0.25"}}
NOW_NS = 1_780_000_000_000_000_000


def cost_of(shop: Any, project_id: str = "") -> Any:
    return shop.book.cost("local", "smollm2-135m", USAGE, NOW_NS, project_id=project_id or shop.owner.project_id)


def test_a_price_counts_after_the_next_poll_and_its_changes_have_revisions(shop: Any) -> None:
    created = shop.as_owner("POST", shop.prices, json=PRICE)
    assert created.status_code == 201, created.text
    price = created.json()
    assert cost_of(shop) is None
    assert shop.refresher.refresh()
    assert not shop.refresher.refresh()
    assert (cost_of(shop).total, cost_of(shop).price_id) == (Decimal("0.25"), f"project:{price['id']}@1")
    assert cost_of(shop, "prj_other") is None

    changed = shop.as_owner("PATCH", f"{shop.prices}/{price['id']}", json={"prices": {"output_text": "0.5"}})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["revision"], changed.json()["pattern"]) == (2, "smollm2-135m")
    shop.refresher.refresh()
    assert cost_of(shop) is None  # no price for the input any more, and a partial sum would be a lie

    assert shop.as_owner("DELETE", f"{shop.prices}/{price['id']}").status_code == 204
    assert shop.as_owner("GET", shop.prices).json()["items"] == []
    assert shop.as_owner("DELETE", f"{shop.prices}/{price['id']}").status_code == 404


def test_everything_about_a_price_is_kept(shop: Any) -> None:
    body = {
        "match": "prefix", "pattern": "gpt-", "provider": "openai", "priority": 3,
        "valid_from": "2026-06-01T00:00:00Z", "prices": {"input_uncached": "1.5"},
        "tiers": [{"above_input_tokens": 200000, "prices": {"input_uncached": "3"}}],
    }  # fmt: skip
    created = shop.as_owner("POST", shop.prices, json=body).json()
    (listed,) = shop.as_owner("GET", shop.prices).json()["items"]
    assert listed == created
    assert {k: listed[k] for k in body} == body
    cleared = shop.as_owner("PATCH", f"{shop.prices}/{created['id']}", json={"valid_from": None, "tiers": []}).json()
    assert (cleared["valid_from"], cleared["tiers"], cleared["priority"]) == (None, [], 3)


def test_every_change_is_audited(shop: Any, site: Site) -> None:
    price = shop.as_owner("POST", shop.prices, json=PRICE).json()
    shop.as_owner("PATCH", f"{shop.prices}/{price['id']}", json={"priority": 1})
    shop.as_owner("DELETE", f"{shop.prices}/{price['id']}")
    with site.access.database.read() as connection:
        query = sa.select(audit_entries.c.action, audit_entries.c.target).order_by(audit_entries.c.seq)
        found = [tuple(row) for row in connection.execute(query) if row.action.startswith("price.")]
    target = f"price/{price['id']}"
    assert found == [("price.create", target), ("price.update", target), ("price.delete", target)]


@pytest.mark.parametrize(
    "change",
    [
        {"prices": {"input_uncached": "-1"}},
        {"prices": {"input_uncached": 1}},
        {"prices": {"bogus": "1"}},
        {"prices": {}},
        {"pattern": ""},
        {"match": "glob"},
        {"match": "regex", "pattern": "(x+)+"},
        {"valid_from": "2026-06-01T00:00:00"},
        {"priority": 10**9},
        {"surprise": 1},
    ],
)
def test_a_wrong_price_is_refused_and_nothing_is_written(shop: Any, change: dict[str, Any]) -> None:
    answer = shop.as_owner("POST", shop.prices, json={**PRICE, **change})
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] not in ("", "internal_error")
    assert shop.as_owner("GET", shop.prices).json()["items"] == []


def test_another_projects_prices_dont_exist(shop: Any, site: Site) -> None:
    other = site.second_organization()
    theirs = f"/api/v1/projects/{other.project_id}/prices"
    price = shop.as_owner("POST", shop.prices, json=PRICE).json()
    assert shop.as_owner("GET", theirs).status_code == 404
    assert shop.as_owner("POST", theirs, json=PRICE).status_code == 404
    assert shop.with_key("GET", theirs).status_code == 404
    assert shop.with_key("DELETE", f"{shop.prices}/{price['id']}").status_code == 403  # a key may read only


def test_the_snapshot_is_searchable_page_by_page(shop: Any) -> None:
    first = shop.with_key("GET", "/api/v1/prices/snapshot", params={"q": "gpt-4o", "limit": 2}).json()
    assert len(first["items"]) == 2
    assert first["items"][0]["prices"]["input_uncached"]
    rest = shop.with_key(
        "GET", "/api/v1/prices/snapshot", params={"q": "gpt-4o", "limit": 200, "cursor": first["next_cursor"]}
    ).json()
    assert rest["next_cursor"] is None
    ids = [(i["provider"], i["model"]) for i in first["items"] + rest["items"]]
    assert len(ids) == len(set(ids))
    assert shop.with_key("GET", "/api/v1/prices/snapshot", params={"cursor": "rubbish"}).status_code == 400
    assert shop.client.get("/api/v1/prices/snapshot").status_code == 401
