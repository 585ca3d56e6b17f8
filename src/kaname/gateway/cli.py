"""`kaname gateway …`. `check`, `plan --config`, `import` and `diff` of files need no server."""

import os
from pathlib import Path

import click

from kaname.gateway.cache.cli import cache
from kaname.gateway.canaries.cli import canary
from kaname.gateway.config import GatewayConfig, environment_keys, parse_config
from kaname.gateway.config.secrets import KeyResolver, KeySource
from kaname.gateway.explain.cli import plan
from kaname.gateway.history.cli import apply, diff, history, restore
from kaname.gateway.importing.cli import import_config
from kaname.gateway.secrets.cli import secrets
from kaname.gateway.text_files import read_text


@click.group()
def gateway() -> None:
    """The endpoint for every model."""


@gateway.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Validates FILE (gateway.yaml) with this environment's keys, and shows what it would do."""
    text = read_text(file, "Name a gateway.yaml.")
    for line in describe_config(parse_config(text, str(file), _assume_secrets(environment_keys(os.environ)))):
        click.echo(line)


for command in (plan, diff, apply, history, restore, import_config, secrets, canary, cache):
    gateway.add_command(command)


def describe_config(config: GatewayConfig) -> list[str]:
    """Providers and models as lines of text. Names where keys come from, never a key."""
    lines = [f"configuration {config.version} is valid"]
    for provider in config.providers.values():
        if provider.base_url is None:
            continue
        origin = provider.base_url.origin
        keys = ", ".join(dict.fromkeys(key.name for key in provider.keys)) or "no key"
        lines.append(f"provider {provider.name}: {origin.scheme}://{provider.base_url.host_header} ({keys})")
    lines += [f"model {route.name}: {', '.join(t.name for t in route.targets())}" for route in config.models.values()]
    return lines


def _assume_secrets(environment: KeyResolver) -> KeyResolver:
    """Secrets are in the server's database, which a check of a file doesn't ask."""

    def resolve(source: KeySource, name: str) -> str | None:
        return "not-looked-up" if source == "secret" else environment(source, name)

    return resolve
