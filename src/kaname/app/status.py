"""`kaname status`: the state of a running server, as a table."""

from typing import Any, cast

import click

from kaname.access.ports import ApiConnector
from kaname.kernel.errors import UnauthenticatedError


def print_status(connector: ApiConnector) -> None:
    """Prints what an operator wants first. Without a login only whether the server is ready."""
    try:
        status = cast("dict[str, Any]", connector.connect().get("/api/v1/system/status"))
    except UnauthenticatedError:
        api = connector.anonymous()
        ready = cast("dict[str, Any]", api.get("/readyz"))
        click.echo(f"{api.url}: {ready['status']} (`kaname login` shows more)")
        for name, check in ready["checks"].items():
            click.echo(f"  {name:<16} {check}")
        return
    click.echo(f"Kaname {status['version']}, metadata in {status['sql_engine']}, columns {status['columns_engine']}")
    for process in status["processes"]:
        memory = f"{process['memory_bytes'] / 1e6:6.0f} MB" if process["memory_bytes"] else "       -"
        restarts = f", {process['restarts']} restarts" if process["restarts"] else ""
        click.echo(f"  {process['name']:<20} {process['state']:<10} pid {process['pid'] or '-':<8} {memory}{restarts}")
    journal = status["journal"]
    click.echo(
        f"  journal {journal['bytes'] / 1e6:.1f} MB, {journal['unconsumed_entries']} entries behind"
        f" ({journal['lag_s']:.1f} s){', ' + journal['failing'] if journal['failing'] else ''}"
    )
    if status["gateway_config_problem"]:
        click.echo(f"  gateway.yaml: {status['gateway_config_problem']}")
    click.echo(f"  disk free {status['disk_free_bytes'] / 1e9:.1f} GB")
