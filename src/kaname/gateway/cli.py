"""`kaname gateway`: looks at a configuration without a running server."""

import os
from pathlib import Path

import click

from kaname.gateway.config import GatewayConfig, environment_keys, parse_config
from kaname.kernel.errors import ConfigurationError


@click.group()
def gateway() -> None:
    """The endpoint for every model."""


@gateway.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Validates FILE (gateway.yaml) with this environment's keys, and shows what it would do."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"{str(file)!r} can't be read: {e}", hint="Name a gateway.yaml.") from e
    for line in describe_config(parse_config(text, str(file), environment_keys(os.environ))):
        click.echo(line)


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
