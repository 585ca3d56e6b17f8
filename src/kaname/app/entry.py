"""The `kaname` program: loads the one command that must start fast by itself, and everything for all others.

Errors are two lines on stderr, what and the way out, with a distinct exit status (see `kernel/errors.py`).
"""

import importlib
import sys
from collections.abc import Sequence

import click

from kaname.kernel.errors import KanameError

_WITH_VALUE = frozenset({"--config", "--set", "--data-dir", "--url"})


def main() -> None:
    """Entry point of the command."""
    module, name = ("gateway_up", "quick_cli") if starts_gateway(sys.argv[1:]) else ("cli", "cli")
    run(getattr(importlib.import_module(f"kaname.app.{module}"), name))


def run(command: click.Command) -> None:
    """Runs a command to its end and exits with what its errors say."""
    try:
        command(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as e:
        e.show()
        sys.exit(e.exit_code)
    except KanameError as e:
        click.echo(f"kaname: {e.message}", err=True)
        if e.hint:
            click.echo(f"  → {e.hint}", err=True)
        sys.exit(e.exit_status)


def starts_gateway(arguments: Sequence[str]) -> bool:
    """Whether these are `[options] gateway up …` and nothing asks for help, which the full command gives."""
    words: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument.startswith("-"):
            skip = argument in _WITH_VALUE
        else:
            words.append(argument)
        if len(words) == 2:
            break
    return words == ["gateway", "up"] and not {"-h", "--help"} & set(arguments)


if __name__ == "__main__":
    main()
