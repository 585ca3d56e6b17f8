"""`--set section.name=value` as the command line gives it."""

import click


def parse_flags(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """A `click` callback: setting → text; raises BadParameter."""
    flags: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or "." not in name:
            raise click.BadParameter(f"{value!r} isn't section.name=value, e.g. server.port=8701")
        flags[name] = text
    return flags
