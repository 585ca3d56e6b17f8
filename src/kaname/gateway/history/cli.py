"""`kaname gateway diff | apply | history | restore`: the configuration's changes from a shell."""

import json
from pathlib import Path
from typing import Any, cast

import click

from kaname.access.ports import Api, ApiConnector
from kaname.gateway.history.diff import path_changes, unified_diff
from kaname.gateway.text_files import read_text

_CONFIG = "/api/v1/gateway/config"
_CURRENT = "current"


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--paths", is_flag=True, help="Values that differ, by path, instead of lines.")
@click.option("--json", "as_json", is_flag=True, help="Print both as JSON.")
@click.pass_obj
def diff(connector: ApiConnector, before: str, after: str, paths: bool, as_json: bool) -> None:
    """Compare two configurations: files, ids of versions (gcv_…), or `current`."""
    old, new = _text_of(connector, before), _text_of(connector, after)
    unified, changes = unified_diff(old, new, before, after), path_changes(old, new)
    if as_json:
        listed = [{"path": c.path, "kind": c.kind, "before": c.before, "after": c.after} for c in changes]
        click.echo(json.dumps({"unified": unified, "changes": listed}, indent=2, ensure_ascii=False))
    elif paths:
        for change in changes:
            shown = [json.dumps(value, ensure_ascii=False) for value in (change.before, change.after)]
            click.echo(f"{change.path}: {_words(change.kind, shown[0], shown[1])}")
    else:
        click.echo(unified, nl=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-m", "--message", default="", help="Why, for those who read the history.")
@click.pass_obj
def apply(connector: ApiConnector, file: Path, message: str) -> None:
    """Bring FILE into force on the server: validated whole, written to its gateway.yaml, kept in the history."""
    text = read_text(file, "Name a gateway.yaml.")
    api = connector.connect()
    present = cast("dict[str, Any]", api.get(_CONFIG))
    body = {"text": text, "message": message, "expected_version": present["text_version"]}
    saved = cast("dict[str, Any]", api.post(_CONFIG + "/versions", body))
    click.echo(f"Configuration {saved['version']} is in force.")


@click.command()
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def history(connector: ApiConnector, limit: int, as_json: bool) -> None:
    """Show configurations that came into force, newest first."""
    page = cast("dict[str, Any]", connector.connect().get(_CONFIG + "/versions", {"limit": str(limit)}))
    if as_json:
        click.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    for item in page["items"]:
        mark = "*" if item["in_force"] else " "
        why = f"  {item['message']}" if item["message"] else ""
        who = f"{item['author_name']} ({item['source']})"
        click.echo(f"{mark} {item['id']}  {item['version']}  {item['created_at']}  {who}{why}")


@click.command()
@click.argument("version_id")
@click.option("-m", "--message", default="", help="Why, for those who read the history.")
@click.pass_obj
def restore(connector: ApiConnector, version_id: str, message: str) -> None:
    """Bring an earlier version back into force."""
    api = connector.connect()
    present = cast("dict[str, Any]", api.get(_CONFIG))
    body = {"message": message, "expected_version": present["text_version"]}
    saved = cast("dict[str, Any]", api.post(f"{_CONFIG}/versions/{version_id}/restore", body))
    click.echo(f"Configuration {saved['version']} is in force again.")


def _text_of(connector: ApiConnector, name: str) -> str:
    if name != _CURRENT and not name.startswith("gcv_"):
        return read_text(Path(name), "Name a file, a version's id (gcv_…) or `current`.")
    api: Api = connector.connect()
    path = _CONFIG if name == _CURRENT else f"{_CONFIG}/versions/{name}"
    return str(cast("dict[str, Any]", api.get(path))["text"])


def _words(kind: str, before: str, after: str) -> str:
    if kind == "added":
        return f"added {after}"
    return f"removed {before}" if kind == "removed" else f"{before} → {after}"
