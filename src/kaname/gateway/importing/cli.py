"""`kaname gateway import`: turns another gateway's configuration into ours, and says what it couldn't."""

from pathlib import Path

import click

from kaname.gateway.config import parse_config
from kaname.gateway.importing.litellm import import_litellm
from kaname.gateway.text_files import read_text


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of to stdout.")
def import_config(file: Path, output: Path | None) -> None:
    """Turn FILE (LiteLLM's config.yaml) into a gateway.yaml; what has no counterpart is listed on stderr."""
    imported = import_litellm(read_text(file, "Name LiteLLM's config.yaml."), str(file))
    parse_config(imported.text, "imported gateway.yaml", lambda source, name: "not-looked-up")
    if output is None:
        click.echo(imported.text, nl=False)
    else:
        output.write_text(imported.text, encoding="utf-8")
    for note in imported.notes:
        click.echo(f"{file}:{note.line}: {note.path or 'the file'}: {note.text}", err=True)
