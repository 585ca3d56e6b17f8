"""`kaname gateway canary …`: where canaries stand, and what people change, from a shell."""

import json
from typing import Any, cast

import click

from kaname.access.ports import Api, ApiConnector
from kaname.gateway.canaries.views import CanaryChangeView, CanaryGuardView, CanaryView
from kaname.kernel.errors import NotFoundError

_CANARIES = "/api/v1/gateway/canaries"
_message = click.option("-m", "--message", default="", help="Why, for those who read the history.")


@click.group()
def canary() -> None:
    """New arms that are let in step by step."""


@canary.command("list")
@click.option("--history", is_flag=True, help="Show what happened to each, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_canaries(connector: ApiConnector, history: bool, as_json: bool) -> None:
    """Show where each canary stands and what its guards say."""
    api = connector.connect()
    items = _items(api)
    if as_json:
        click.echo(json.dumps([item.model_dump(mode="json") for item in items], indent=2, ensure_ascii=False))
        return
    if not items:
        click.echo("The configuration has no canary.")
    for item in items:
        click.echo(_headline(item))
        for guard in item.guards:
            click.echo(f"  {_guard(guard)}")
        if history:
            page = cast("dict[str, Any]", api.get(f"{_CANARIES}/{item.id}/changes", {"limit": "20"}))
            for entry in page["items"]:
                click.echo(f"  {_past(CanaryChangeView.model_validate(entry))}")


@canary.command()
@click.argument("name")
@_message
@click.pass_obj
def rollback(connector: ApiConnector, name: str, message: str) -> None:
    """Take all calls from the new arm of canary NAME (or its id), until it is restarted."""
    _act(connector, name, "rollback", {"message": message})


@canary.command()
@click.argument("name")
@click.option("--full", is_flag=True, help="To all calls at once, and finish.")
@_message
@click.pass_obj
def promote(connector: ApiConnector, name: str, full: bool, message: str) -> None:
    """Take canary NAME to its next step, whatever its guards say."""
    _act(connector, name, "promote", {"fully": full, "message": message})


@canary.command()
@click.argument("name")
@_message
@click.pass_obj
def restart(connector: ApiConnector, name: str, message: str) -> None:
    """Begin canary NAME again at its first step."""
    _act(connector, name, "restart", {"message": message})


def _act(connector: ApiConnector, name: str, action: str, body: dict[str, object]) -> None:
    api = connector.connect()
    found = next((item for item in _items(api) if name in (item.name, item.id)), None)
    if found is None:
        raise NotFoundError(
            f"the configuration has no canary {name!r}", hint="`kaname gateway canary list` shows them.",
            code="gateway_canary_not_found", params={"id": name},
        )  # fmt: skip
    click.echo(_headline(CanaryView.model_validate(api.post(f"{_CANARIES}/{found.id}/{action}", body))))


def _items(api: Api) -> list[CanaryView]:
    page = cast("dict[str, Any]", api.get(_CANARIES))
    return [CanaryView.model_validate(item) for item in page["items"]]


def _headline(item: CanaryView) -> str:
    where = f"step {item.step + 1} of {len(item.steps)}"
    words = {
        "waiting": "not begun yet",
        "running": where,
        "rolled_back": f"ROLLED BACK at {where}",
        "finished": "finished",
    }[item.phase]
    since = f" since {item.since:%Y-%m-%d %H:%M:%S}Z" if item.since is not None else ""
    calls = f"{item.canary.errors}/{item.canary.calls} errors, others {item.stable.errors}/{item.stable.calls}"
    return f"{item.name}: arm {item.arm} gets {item.share:.0%}, {words}{since} ({calls})"


def _guard(guard: CanaryGuardView) -> str:
    name = f" {guard.name}" if guard.name else ""
    if guard.finding is None:
        return f"{guard.metric}{name}: {guard.n} of {guard.min_n} observations"
    return f"{guard.metric}{name}: {guard.finding.finding}, {guard.finding.reason} (n = {guard.finding.n})"


def _past(change: CanaryChangeView) -> str:
    why = f"  {change.message}" if change.message else ""
    found = "; ".join(f"{f.metric} {f.finding}: {f.reason}" for f in change.findings)
    what = f"{change.action} → {change.share:.0%}"
    return f"{change.at:%Y-%m-%d %H:%M:%S}Z  {what}  {change.actor_name}{why}  {found}".rstrip()
