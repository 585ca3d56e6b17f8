"""Policies, rules and budgets from the API to a gateway process, on both SQL engines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from fixtures_access import Site
from kaname.access.tables import audit_entries
from kaname.gateway.limits.model import Estimate
from kaname.kernel.errors import PermissionDeniedError, QuotaExceededError, RateLimitedError

POLICY = {
    "models": ["gpt-*"], "providers": ["openai"], "rpm": 2, "tpm": 1000, "max_concurrency": 3, "max_cost_usd": "0.5",
    "allow_unpriced": False, "cidrs": ["10.0.0.0/8"], "shadow": False,
}  # fmt: skip


def create(desk: Any, **body: Any) -> dict[str, Any]:
    made = desk.call(
        "POST", f"{desk.project}/budgets", json={"scope": "key", "subject": desk.key_id, "amount_usd": "1", **body}
    )
    assert made.status_code == 201, made.text
    desk.process.flusher.flush()
    return made.json()


def change(desk: Any, budget: dict[str, Any], **body: Any) -> dict[str, Any]:
    changed = desk.call("PATCH", f"{desk.project}/budgets/{budget['id']}", json=body)
    assert changed.status_code == 200, changed.text
    desk.process.flusher.flush()
    return changed.json()


def test_a_policy_counts_with_the_next_exchange_and_goes_again(desk: Any) -> None:
    path = f"{desk.project}/keys/{desk.key_id}/policy"
    assert desk.call("GET", path).json()["source"] == "defaults"
    desk.spend(0, model="claude")
    set_ = desk.call("PUT", path, json=POLICY)
    assert set_.status_code == 200, set_.text
    assert set_.json() == {**POLICY, "key_id": desk.key_id, "source": "key"} == desk.call("GET", path).json()
    assert desk.call("GET", f"{desk.project}/keys/policies").json()["items"] == [set_.json()]
    desk.process.flusher.flush()
    with pytest.raises(PermissionDeniedError):
        desk.spend(0, model="claude")
    with pytest.raises(PermissionDeniedError):
        desk.process.service.check_address(desk.subject(), "192.0.2.1")
    for _ in range(2):
        desk.spend(0)
    with pytest.raises(RateLimitedError):
        desk.spend(0)
    assert desk.call("DELETE", path).status_code == 204
    assert desk.call("DELETE", path).status_code == 404
    desk.process.flusher.flush()
    desk.spend(0, model="claude")


def test_a_rule_can_be_made_replaced_and_ended(desk: Any) -> None:
    body = {"name": "per user", "rpm": 1, "user": "*each", "metadata": {"plan": "free"}, "priority": 3}
    made = desk.call("POST", f"{desk.project}/rules", json=body)
    assert made.status_code == 201, made.text
    rule = made.json()
    assert {k: rule[k] for k in body} == body
    desk.process.flusher.flush()
    desk.spend(0, metadata={"plan": "free"})
    with pytest.raises(RateLimitedError):
        desk.spend(0, metadata={"plan": "free"})
    desk.spend(0, metadata={"plan": "free"}, user_id="bob")
    desk.spend(0)
    replaced = desk.call("PUT", f"{desk.project}/rules/{rule['id']}", json={**body, "rpm": 60})
    assert replaced.status_code == 200
    desk.process.flusher.flush()
    desk.clock.advance(1)
    desk.spend(0, metadata={"plan": "free"}, user_id="carol")
    assert [r["rpm"] for r in desk.call("GET", f"{desk.project}/rules").json()["items"]] == [60]
    assert desk.call("DELETE", f"{desk.project}/rules/{rule['id']}").status_code == 204
    assert desk.call("GET", f"{desk.project}/rules").json()["items"] == []


def test_a_budget_shows_its_window_and_what_was_spent(desk: Any) -> None:
    budget = create(desk, period="1M", calendar=True, time_zone="Asia/Tokyo")
    assert (budget["window_start"], budget["window_end"]) == ("2026-03-01T12:00:00Z", "2026-03-31T15:00:00Z")
    desk.spend(0.6, estimate=0.7)
    with pytest.raises(QuotaExceededError):
        desk.spend(0.1, estimate=0.5)
    desk.process.flusher.flush()
    (shown,) = desk.call("GET", f"{desk.project}/budgets").json()["items"]
    assert (shown["spent_usd"], shown["amount_usd"], shown["alerts"]) == ("0.6", "1", [50, 80, 100])
    desk.clock.advance(timedelta(days=31).total_seconds())
    desk.spend(0.3, estimate=0.9)
    spend = desk.call("GET", f"{desk.project}/budgets/{budget['id']}/spend").json()["items"]
    assert [(s["window_start"][:10], s["spent_usd"]) for s in spend] == [("2026-03-31", "0.3"), ("2026-03-01", "0.6")]
    page = desk.call("GET", f"{desk.project}/budgets/{budget['id']}/spend?limit=1").json()
    rest = desk.call("GET", f"{desk.project}/budgets/{budget['id']}/spend?limit=1&cursor={page['next_cursor']}").json()
    assert page["items"] + rest["items"] == spend
    alerts = desk.call("GET", f"{desk.project}/alerts").json()["items"]
    assert [(a["threshold"], a["spent_usd"], a["limit_usd"]) for a in alerts] == [(50, "0.6", "1")]
    usage = desk.call("GET", f"{desk.project}/usage?since=2026-03-01&until=2026-04-30").json()["items"]
    assert [(u["day"], u["requests"], u["refused"], u["cost_usd"]) for u in usage] == [
        ("2026-04-01", 1, 0, "0.3"), ("2026-03-01", 1, 1, "0.6"),
    ]  # fmt: skip


def test_aligning_to_the_calendar_keeps_spend_and_moves_the_start_forward_only(desk: Any) -> None:
    budget = create(desk, period="1M")  # from 1 March, 12:00
    desk.clock.at = datetime(2026, 3, 20, tzinfo=UTC)
    desk.spend(0.4)
    aligned = change(desk, budget, calendar=True)
    assert aligned["window_start"] == budget["window_start"]  # 1 March, midnight, would be further back
    assert (aligned["window_end"][:10], aligned["spent_usd"]) == ("2026-04-01", "0.4")
    rolling = create(desk, period="1w")  # from Friday 20 March
    desk.clock.at = datetime(2026, 3, 25, tzinfo=UTC)
    desk.spend(0.1)
    monday = change(desk, rolling, calendar=True)
    assert (monday["window_start"], monday["spent_usd"]) == ("2026-03-23T00:00:00Z", "0.1")
    # What a process charges by the old window meanwhile ends up in the new one as well.
    desk.spend(0.2)
    state = desk.process.service.live.find_budget((rolling["id"], desk.key_id))
    assert state.settled == 300_000_000
    shown = {b["id"]: b["spent_usd"] for b in desk.call("GET", f"{desk.project}/budgets").json()["items"]}
    assert shown == {budget["id"]: "0.7", rolling["id"]: "0.3"}


def test_spend_that_is_under_way_while_a_window_moves_is_not_lost(desk: Any) -> None:
    budget = create(desk, period="1w", amount_usd="100")
    desk.clock.at = datetime(2026, 3, 4, tzinfo=UTC)  # Wednesday
    service = desk.process.service
    running = service.reserve(desk.subject(), Estimate(1, 1, 5_000_000_000))
    service.settle(
        service.reserve(desk.subject(), Estimate(1, 1, 0)), tokens=1, cost_nano_usd=7_000_000_000, outcome="ok"
    )
    moved = desk.call("PATCH", f"{desk.project}/budgets/{budget['id']}", json={"calendar": True}).json()
    assert moved["window_start"] == "2026-03-02T00:00:00Z"
    desk.process.flusher.flush()  # the seven dollars were settled before the process heard of the move
    service.settle(running, tokens=1, cost_nano_usd=3_000_000_000, outcome="ok")
    desk.process.flusher.flush()
    (shown,) = desk.call("GET", f"{desk.project}/budgets").json()["items"]
    assert shown["spent_usd"] == "10"
    state = service.live.find_budget((budget["id"], desk.key_id))
    assert (state.settled, state.held, state.used) == (10_000_000_000, 0, 10_000_000_000)


def test_changing_amount_or_period_keeps_spend_and_a_reset_clears_it_in_place(desk: Any) -> None:
    budget = create(desk, period="1M")
    desk.spend(0.9)
    raised = change(desk, budget, amount_usd="2", period="1Q")
    assert (raised["spent_usd"], raised["window_start"]) == ("0.9", budget["window_start"])
    desk.spend(0.9, estimate=1)
    with pytest.raises(QuotaExceededError):
        desk.spend(0.9, estimate=1)
    reset = change(desk, budget, reset_usage=True)
    assert (reset["spent_usd"], reset["window_start"]) == ("0", budget["window_start"])
    desk.spend(0.9, estimate=1)
    assert desk.call("GET", f"{desk.project}/alerts").json()["items"] == []


def test_an_override_lasts_for_some_windows(desk: Any) -> None:
    budget = create(desk, period="1d", calendar=True)
    over = change(desk, budget, extra_usd="1", extra_cycles=2)
    assert over["extra_until"] == "2026-03-03T00:00:00Z"
    desk.spend(1.5, estimate=1.9)
    desk.clock.advance(86_400)
    desk.spend(1.5, estimate=1.9)
    desk.clock.advance(86_400)
    with pytest.raises(QuotaExceededError):
        desk.spend(1.5, estimate=1.9)
    assert change(desk, budget, extra_usd="0")["extra_until"] is None


def test_an_organization_has_budgets_over_all_its_projects(desk: Any, site: Site) -> None:
    body = {"scope": "organization", "amount_usd": "0.5", "period": "1Y", "calendar": True}
    made = desk.call("POST", f"{desk.organization}/budgets", json=body)
    assert made.status_code == 201, made.text
    desk.process.flusher.flush()
    desk.spend(0.5)
    with pytest.raises(QuotaExceededError):
        desk.spend(0.1, estimate=0.1, key_id="key_of_another", project_id="prj_other")
    assert desk.call("GET", f"{desk.project}/budgets").json()["items"] == []
    path = f"{desk.organization}/budgets/{made.json()['id']}"
    assert desk.call("GET", f"{desk.organization}/budgets").json()["items"][0]["spent_usd"] == "0.5"
    assert desk.call("GET", f"{path}/spend").json()["items"][0]["spent_usd"] == "0.5"
    alerts = desk.call("GET", f"{desk.organization}/alerts").json()["items"]
    assert sorted(a["threshold"] for a in alerts) == [50, 80, 100]
    other = site.second_organization()
    assert desk.call("PATCH", path, other, json={"amount_usd": "9"}).status_code in (403, 404)
    theirs = path.replace(desk.owner.organization_id, other.organization_id)
    assert desk.call("PATCH", theirs, other, json={"amount_usd": "9"}).status_code == 404
    assert desk.call("PATCH", path, json={"amount_usd": "9"}).json()["amount_usd"] == "9"
    assert desk.call("DELETE", path).status_code == 204


def test_only_admins_change_limits_and_other_projects_do_not_exist(desk: Any, site: Site) -> None:
    member = site.join(desk.owner, "m@example.com", "member")
    assert desk.call("GET", f"{desk.project}/budgets", member).status_code == 200
    assert desk.call("POST", f"{desk.project}/budgets", member, json={}).status_code == 403
    assert desk.call("PUT", f"{desk.project}/keys/{desk.key_id}/policy", member, json={}).status_code == 403
    assert desk.call("POST", f"{desk.organization}/budgets", member, json={}).status_code == 403
    budget = create(desk)
    other = site.second_organization()
    theirs = f"/api/v1/projects/{other.project_id}/gateway"
    assert desk.call("PATCH", f"{theirs}/budgets/{budget['id']}", other, json={"amount_usd": "9"}).status_code == 404
    assert desk.call("GET", f"{theirs}/budgets/{budget['id']}/spend", other).status_code == 404
    desk.call("PUT", f"{desk.project}/keys/{desk.key_id}/policy", json=POLICY)
    assert desk.call("GET", f"{theirs}/keys/{desk.key_id}/policy", other).json()["source"] == "defaults"
    assert desk.call("PUT", f"{theirs}/keys/{desk.key_id}/policy", other, json=POLICY).status_code == 404
    assert desk.call("DELETE", f"{theirs}/keys/{desk.key_id}/policy", other).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"period": "1h", "calendar": True}, "calendar"),
        ({"period": "2w", "calendar": True}, "calendar"),
        ({"period": "1d", "time_zone": "Asia/Tokyo"}, "time_zone"),
        ({"period": "1M", "calendar": True, "time_zone": "Nowhere"}, "time_zone"),
        ({"period": "1x"}, "period"),
        ({"amount_usd": "-1"}, "amount_usd"),
        ({"amount_usd": "0.0000000001"}, "amount_usd"),
        ({"amount_usd": "NaN"}, "amount_usd"),
        ({"on_exceed": "downgrade"}, "downgrade_to"),
        ({"downgrade_to": "local/m"}, "downgrade_to"),
        ({"on_exceed": "warn", "shadow": True}, "shadow"),
        ({"alerts": [80, 50]}, "alerts"),
        ({"key_id": "key_1"}, "key_id"),
        ({"subject": "*each"}, "subject"),
        ({"subject": ""}, "subject"),
        ({"scope": "project", "subject": "prj_other"}, "scope"),
        ({"scope": "organization", "subject": ""}, "scope"),
        ({"scope": "provider", "subject": "openai", "on_exceed": "downgrade", "downgrade_to": "x"}, "on_exceed"),
    ],
)
def test_wrong_budgets_are_refused_whole(desk: Any, body: dict[str, Any], param: str) -> None:
    full = {"scope": "key", "subject": desk.key_id, "amount_usd": "1", **body}
    refused = desk.call("POST", f"{desk.project}/budgets", json=full)
    assert refused.status_code == 400, refused.text
    assert refused.json()["param"] == param
    assert desk.call("GET", f"{desk.project}/budgets").json()["items"] == []


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("policy", {"models": ["a*b"]}, "models"),
        ("policy", {"models": ["*", "gpt"]}, "models"),
        ("policy", {"rpm": 0}, "rpm"),
        ("policy", {"cidrs": ["10.0.0.0/33"]}, "cidrs"),
        ("policy", {"max_cost_usd": "x"}, "max_cost_usd"),
        ("rules", {"name": "n"}, "rpm"),
        ("rules", {"name": "n", "rpm": 1, "user": "*some"}, "user"),
        ("rules", {"name": "n", "rpm": 1, "metadata": {"a": ""}}, "metadata"),
        ("rules", {"name": "n", "rpm": 1, "always": True, "priority": 2}, "priority"),
        ("rules", {"name": "", "rpm": 1}, "name"),
    ],
)
def test_wrong_policies_and_rules_are_refused(desk: Any, path: str, body: dict[str, Any], param: str) -> None:
    target = f"{desk.project}/keys/{desk.key_id}/policy" if path == "policy" else f"{desk.project}/rules"
    refused = desk.call("PUT" if path == "policy" else "POST", target, json=body)
    assert (refused.status_code, refused.json()["param"]) == (400, param), refused.text


def test_every_change_is_audited(desk: Any, site: Site) -> None:
    budget = create(desk)
    change(desk, budget, amount_usd="3")
    change(desk, budget, reset_usage=True)
    desk.call("DELETE", f"{desk.project}/budgets/{budget['id']}")
    desk.call("PUT", f"{desk.project}/keys/{desk.key_id}/policy", json=POLICY)
    desk.call("DELETE", f"{desk.project}/keys/{desk.key_id}/policy")
    rule = desk.call("POST", f"{desk.project}/rules", json={"name": "r", "rpm": 1}).json()
    desk.call("DELETE", f"{desk.project}/rules/{rule['id']}")
    with site.access.database.read() as connection:
        actions = list(connection.execute(sa.select(audit_entries.c.action).order_by(audit_entries.c.seq)).scalars())
    assert [a for a in actions if a.startswith(("budget", "key_policy", "limit_rule"))] == [
        "budget.create", "budget.update", "budget.reset", "budget.delete", "key_policy.set", "key_policy.delete",
        "limit_rule.create", "limit_rule.delete",
    ]  # fmt: skip
