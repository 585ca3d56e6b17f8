"""`kaname gateway secrets …`, through the API of a running server. A value comes from stdin or a prompt, never argv."""

import json
import sys
from typing import Any, cast
from urllib.parse import quote

import click

from kaname.access.ports import ApiConnector
from kaname.kernel.errors import InvalidInputError

_PATH = "/api/v1/gateway/secrets"


@click.group()
def secrets() -> None:
    """Keys of providers, sealed in the database; gateway.yaml names them as {secret: NAME}."""


@secrets.command("set")
@click.argument("name")
@click.pass_obj
def set_secret(connector: ApiConnector, name: str) -> None:
    """Store or replace NAME; the value is read from stdin, or asked for."""
    value = _read_value(name)
    connector.connect().post(_PATH, {"name": name, "value": value})
    click.echo(f"Stored {name}. Use it as {{secret: {name}}}.")


@secrets.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_secrets(connector: ApiConnector, as_json: bool) -> None:
    """Show names, who uses them and when they were last used; never values."""
    answer = cast("dict[str, Any]", connector.connect().get(_PATH))
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for item in answer["items"]:
        users = ", ".join(item["used_by"]) or "used by no provider"
        used = f"last used {item['last_used_at']}" if item["last_used_at"] else "never used"
        click.echo(f"{item['name']}  ({users}; set by {item['set_by']} {item['updated_at']}; {used})")
    if not answer["items"]:
        click.echo("No secrets. `kaname gateway secrets set NAME` stores one.")


@secrets.command("rm")
@click.argument("name")
@click.option("--force", is_flag=True, help="Even if the configuration in force uses it.")
@click.pass_obj
def remove_secret(connector: ApiConnector, name: str, force: bool) -> None:
    """Remove NAME for good."""
    connector.connect().delete(f"{_PATH}/{quote(name, safe='')}{'?force=true' if force else ''}")
    click.echo(f"Removed {name}.")


def _read_value(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True))
    value = sys.stdin.read().strip()
    if not value:
        raise InvalidInputError("stdin is empty", hint=f'printf %s "$KEY" | kaname gateway secrets set {name}')
    return value
