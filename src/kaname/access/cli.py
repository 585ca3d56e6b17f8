"""Commands `kaname login`, `kaname logout` and `kaname keys …`, through the API of a running server.

Tables go to people; `--json` gives what the API answered, for scripts. A secret is printed once, alone on stdout.
"""

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import click

from kaname.access.ports import Api, ApiConnector

project_option = click.option("--project", help="Id or name of the project; not needed if there is only one.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.option("--url", help="Address of the server.")
@click.option("--email", help="Your e-mail address; asked for if missing.")
@click.option("--token", help="Use this personal token instead of a password.")
@click.pass_obj
def login(connector: ApiConnector, url: str | None, email: str | None, token: str | None) -> None:
    """Log this computer in with a personal token."""
    api = connector.anonymous(url)
    if token is None:
        body = {
            "email": email or click.prompt("E-mail"),
            "password": click.prompt("Password", hide_input=True),
            "name": f"kaname login on {socket.gethostname()}"[:100],
        }
        token = str(cast("dict[str, Any]", api.post("/api/v1/auth/token", body))["token"])
    path = connector.save_login(api.url, token)
    me = cast("dict[str, Any]", connector.connect().get("/api/v1/me"))
    click.echo(f"Logged in at {api.url} as {(me['user'] or me['principal'])['name']}; the token is in {path}.")


@click.command()
@click.pass_obj
def logout(connector: ApiConnector) -> None:
    """Forget the token of `kaname login` on this computer."""
    click.echo("Logged out." if connector.forget_login() else "You weren't logged in.")


@click.group()
def keys() -> None:
    """API keys of a project."""


@keys.command("list")
@project_option
@json_option
@click.pass_obj
def list_keys(connector: ApiConnector, project: str | None, as_json: bool) -> None:
    """Show the keys of a project."""
    items = _all_items(connector.connect(), _path(connector, project))
    if as_json:
        click.echo(json.dumps({"items": items, "next_cursor": None}, indent=2))
        return
    for key in items:
        used = key["last_used_at"] or "never used"
        ends = f", ends {key['expires_at']}" if key["expires_at"] else ""
        click.echo(f"{key['id']}  {key['public_key']}  {key['name']}  ({used}{ends})")
    if not items:
        click.echo("No keys. `kaname keys create NAME` makes one.")


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="A permission such as traces:write; may be repeated.")
@click.option("--days", type=click.IntRange(1, 3650), help="The key ends after this many days.")
@project_option
@json_option
@click.pass_obj
def create_key(
    connector: ApiConnector, name: str, scopes: tuple[str, ...], days: int | None, project: str | None, as_json: bool
) -> None:
    """Make a key and print its secret, which can't be had again."""
    body: dict[str, Any] = {"name": name}
    if scopes:
        body["scopes"] = list(scopes)
    if days:
        body["expires_at"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    key = cast("dict[str, Any]", connector.connect().post(_path(connector, project), body))
    if as_json:
        click.echo(json.dumps(key, indent=2))
        return
    click.echo(f"Key {key['id']} ({key['public_key']}). Keep the secret, it is shown only now:", err=True)
    click.echo(key["secret_key"])


@keys.command("revoke")
@click.argument("key_id")
@project_option
@click.pass_obj
def revoke_key(connector: ApiConnector, key_id: str, project: str | None) -> None:
    """Make a key invalid, for good."""
    connector.connect().delete(f"{_path(connector, project)}/{key_id}")
    click.echo(f"Revoked {key_id}.")


def _all_items(api: Api, path: str) -> list[dict[str, Any]]:
    """The items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = cast("dict[str, Any]", api.get(path, {"cursor": cursor} if cursor else None))
        items += page["items"]
        cursor = page["next_cursor"]
    return items


def _path(connector: ApiConnector, project: str | None) -> str:
    return f"/api/v1/projects/{connector.project_id(project)}/keys"


COMMANDS: tuple[click.Command, ...] = (login, logout, keys)
"""What `app/cli.py` adds to `kaname`."""
