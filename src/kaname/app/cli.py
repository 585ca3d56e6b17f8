"""The `kaname` command. Slices bring their own groups; `up`, `status`, `settings` and `doctor` are the installation's.

Errors are two lines on stderr, what and the way out, with a distinct exit status (see `kernel/errors.py`).
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

import kaname
from kaname.access.cli import keys, login, logout
from kaname.app.api_client import Connector
from kaname.app.configuration import CONFIG_VARIABLE, Configuration, load_configuration, resolve_all
from kaname.app.data_dir import DataDir, read_server_file
from kaname.app.doctor import diagnose
from kaname.app.entry import run
from kaname.app.flags import parse_flags
from kaname.app.gateway_up import gateway_up
from kaname.app.server import run_server
from kaname.app.status import print_status
from kaname.gateway.cli import gateway
from kaname.kernel.errors import ConfigurationError
from kaname.kernel.settings import SettingsSource, read_source
from kaname.serving.cli import ModelsContext, build_models_group
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore
from kaname.traces.cli import traces


class CommandContext(Connector):
    """What commands get as `click`'s object: the API of a server, and this computer's settings."""

    def __init__(self, flags: Mapping[str, str], config: Path | None, url: str | None) -> None:
        self._flags = dict(flags)
        self._config = config
        running = None if url else self._running_url()
        super().__init__(url=url or running)

    def add_flags(self, flags: Mapping[str, str]) -> None:
        """Flags of a subcommand win over those before it."""
        self._flags.update(flags)

    def source(self) -> SettingsSource:
        """The raw settings."""
        return read_source(flags=self._flags, file_path=self._config)

    def configuration(self) -> Configuration:
        """The loaded settings; raises ConfigurationError."""
        return load_configuration(self.source())

    def _running_url(self) -> str | None:
        """The server of this data folder, so that commands find it whatever port it took."""
        try:
            running = read_server_file(DataDir(root=self.configuration().data_dir))
        except ConfigurationError:  # told by the command that needs the settings
            return None
        return running.url if running is not None else None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(kaname.__version__, prog_name="kaname")
@click.option("--config", type=click.Path(path_type=Path), envvar=CONFIG_VARIABLE, help="Settings file.")
@click.option("--set", "flags", multiple=True, callback=parse_flags, help="section.name=value; may be repeated.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Short for --set server.data_dir=…")
@click.option("--url", help="Server that commands talk to; default: the one running on this data folder.")
@click.pass_context
def cli(
    context: click.Context, config: Path | None, flags: dict[str, str], data_dir: Path | None, url: str | None
) -> None:
    """Kaname: trace, search, score and serve LLM applications."""
    if data_dir is not None:
        flags["server.data_dir"] = str(data_dir)
    context.obj = CommandContext(flags, config, url)


@cli.command()
@click.option("--host", help="Short for --set server.host=…")
@click.option("--port", type=int, help="Short for --set server.port=…; 0 takes a free one.")
@click.pass_obj
def up(context: CommandContext, host: str | None, port: int | None) -> None:
    """Start the server and all it needs; Ctrl-C stops everything."""
    given = {"server.host": host, "server.port": port}
    context.add_flags({name: str(value) for name, value in given.items() if value is not None})
    run_server(context.configuration())


@cli.command()
@click.pass_obj
def status(context: CommandContext) -> None:
    """Say whether the server runs and how its parts are."""
    print_status(context)


@cli.command()
@click.option("--section", help="Only this section.")
@click.pass_obj
def settings(context: CommandContext, section: str | None) -> None:
    """Print every setting with its value, where the value comes from, and what it means."""
    for entry in resolve_all(context.source()):
        if section and not entry.name.startswith(f"{section}."):
            continue
        value = "(set, not shown)" if entry.secret and entry.value else repr(entry.value)
        click.echo(f"{entry.name} = {value}  [{entry.origin}]\n    {entry.description}  ({entry.environment_name})")


@cli.command()
@click.pass_obj
def doctor(context: CommandContext) -> None:
    """Say what is wrong with this installation and how to mend it."""
    findings = diagnose(context)
    marks = {"ok": "✓", "note": "·", "fault": "✗"}
    for finding in findings:
        click.echo(f"{marks[finding.level]} {finding.what}")
        if finding.remedy:
            click.echo(f"    → {finding.remedy}")
    if any(f.level == "fault" for f in findings):
        sys.exit(1)


def _models_context() -> ModelsContext:
    context = click.get_current_context().find_object(CommandContext)
    assert context is not None
    configuration = context.configuration()
    store = ModelStore(DataDir(root=configuration.data_dir).models, build_sources(configuration.models))
    return ModelsContext(store=store, settings=configuration.models)


gateway.add_command(gateway_up)
for command in (login, logout, keys, traces, gateway, build_models_group(_models_context)):
    cli.add_command(command)


def main() -> None:
    """Entry point of the `kaname` command."""
    run(cli)


if __name__ == "__main__":
    main()
