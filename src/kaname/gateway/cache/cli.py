"""`kaname gateway cache …`, through the API of a running server."""

from typing import Any, cast
from urllib.parse import quote

import click

from kaname.access.ports import ApiConnector


@click.group()
def cache() -> None:
    """Answers that are given again."""


@cache.command()
@click.argument("user_id")
@click.option("--project", help="Id or name of the project; not needed if there is only one.")
@click.pass_obj
def erase(connector: ApiConnector, user_id: str, project: str | None) -> None:
    """Forget the answers that the end user USER_ID caused."""
    path = f"/api/v1/projects/{connector.project_id(project)}/gateway/cache?user_id={quote(user_id, safe='')}"
    answer = cast("dict[str, Any]", connector.connect().delete(path))
    click.echo(f"Erased {answer['erased']} kept answers. Other processes follow within seconds.")
