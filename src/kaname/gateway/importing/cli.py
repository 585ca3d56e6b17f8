"""`kaname gateway import`: turns another gateway's configuration into ours, and says what it couldn't."""

from pathlib import Path

import click

from kaname.gateway.config import parse_config
from kaname.gateway.importing.litellm import import_litellm
from kaname.gateway.importing.model import Imported
from kaname.gateway.importing.portkey import import_portkey, looks_like_portkey
from kaname.gateway.importing.portkey_providers import secret_name
from kaname.gateway.text_files import read_text
from kaname.gateway.yaml_tree import read_tree


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of to stdout.")
@click.option("--name", default="", help="What callers call a Portkey config; the file's name if left out.")
@click.option("--model", default="", help="The model of a Portkey config's targets that name none.")
def import_config(file: Path, output: Path | None, name: str, model: str) -> None:
    """Turn FILE, LiteLLM's config.yaml or a Portkey config, into a gateway.yaml.

    What has no counterpart is listed on stderr.
    """
    imported = _import(file, name, model)
    parse_config(imported.text, "imported gateway.yaml", lambda source, name: "not-looked-up")
    if output is None:
        click.echo(imported.text, nl=False)
    else:
        output.write_text(imported.text, encoding="utf-8")
    for note in imported.notes:
        click.echo(f"{file}:{note.line}: {note.path or 'the file'}: {note.text}", err=True)


def _import(file: Path, name: str, model: str) -> Imported:
    text = read_text(file, "Name LiteLLM's config.yaml or a Portkey config.")
    if looks_like_portkey(read_tree(text, str(file)).mapping()):
        return import_portkey(text, str(file), name=name or secret_name(file.stem), model=model)
    return import_litellm(text, str(file))
