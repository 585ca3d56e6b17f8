"""Commands `kaname traces list|show|export`, through the API of a running server."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import click

from kaname.access.ports import ApiConnector
from kaname.kernel.text import preview
from kaname.traces.filters import Operator, find_field

_STATUS = (" ", "✓", "✗")
FILTER_HELP = "Such as model=gpt-5.2, status!=ok or 'duration_ms>=1000'; may be repeated."
_FILTER = re.compile(r"([^=!<>]+)(!=|>=|<=|=|>|<)(.*)", re.DOTALL)
_OPERATORS: dict[str, Operator] = {"=": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
project_option = click.option("--project", help="Id or name of the project; not needed if there is only one.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def traces() -> None:
    """Look at traces and export spans."""


@traces.command("list")
@click.option("--from", "from_", help="Start of the time range, ISO 8601.")
@click.option("--to", help="End of the time range, ISO 8601.")
@click.option("--filter", "filters", multiple=True, help=FILTER_HELP)
@click.option("--search", help="Words that must occur.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@project_option
@json_option
@click.pass_obj
def list_traces(
    connector: ApiConnector,
    from_: str | None,
    to: str | None,
    filters: tuple[str, ...],
    search: str | None,
    limit: int,
    project: str | None,
    as_json: bool,
) -> None:
    """Show the newest traces."""
    params = criteria_parameters(from_, to, filters, search) | {"limit": str(limit)}
    answer = cast("dict[str, Any]", connector.connect().get(_path(connector, project, "traces"), params))
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    for t in answer["items"]:
        failed = f" {t['error_count']} failed" if t["error_count"] else ""
        cost = f" ${float(t['cost_usd']):.4f}" if t["cost_usd"] else ""
        click.echo(
            f"{t['trace_id']}  {t['start_time'][:19]}  {_duration(t['duration_ms']):>8}  {t['name']}"
            f"  ({t['span_count']} spans{failed}, {t['total_tokens']} tokens{cost})  {preview(t['input_preview'], 60)}"
        )
    if not answer["items"]:
        click.echo("No traces match.")


@traces.command("show")
@click.argument("trace_id")
@project_option
@json_option
@click.pass_obj
def show_trace(connector: ApiConnector, trace_id: str, project: str | None, as_json: bool) -> None:
    """Print one trace as a tree."""
    path = _path(connector, project, f"traces/{trace_id}")
    trace = cast("dict[str, Any]", connector.connect().get(path))
    if as_json:
        click.echo(json.dumps(trace, indent=2, ensure_ascii=False))
        return
    click.echo(f"{trace['trace_id']}  {trace['start_time']}  {_duration(trace['duration_ms'])}")
    for line in draw_tree(trace):
        click.echo(line)
    for score in trace["scores"]:
        said = score["label"] or score["text"] or score["value"]
        click.echo(f"score {score['name']} = {said}  ({score['source']}, {score['author_name']})")
    if trace["truncated"]:
        click.echo(f"The first {len(trace['columns']['span_id'])} of {trace['span_count']} spans.")


@traces.command("export")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File; standard output if missing."
)
@click.option("--format", "file_format", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option("--from", "from_", help="Start of the time range, ISO 8601.")
@click.option("--to", help="End of the time range, ISO 8601.")
@click.option("--filter", "filters", multiple=True, help=FILTER_HELP)
@click.option("--search", help="Words that must occur.")
@click.option("--full", is_flag=True, help="Put values of over a megabyte back whole (jsonl only).")
@project_option
@click.pass_obj
def export_spans(
    connector: ApiConnector,
    output: Path | None,
    file_format: str,
    from_: str | None,
    to: str | None,
    filters: tuple[str, ...],
    search: str | None,
    full: bool,
    project: str | None,
) -> None:
    """Write every matching span with all its fields."""
    params = criteria_parameters(from_, to, filters, search) | {"format": file_format}
    if full:
        params["full"] = "true"
    pieces = connector.connect().stream(_path(connector, project, "export/spans"), params)
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return
    # Beside its place first: a broken export must not look like a whole one.
    part = output.with_name(output.name + ".part")
    with part.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    part.replace(output)
    click.echo(f"Wrote {output} ({output.stat().st_size:,} bytes).")


def criteria_parameters(
    from_: str | None, to: str | None, filters: Sequence[str], search: str | None
) -> dict[str, str]:
    """Query parameters of the options; raises click.UsageError for a filter that can't be read."""
    clauses = [_read_filter(text) for text in filters]
    given = {"from": from_, "to": to, "q": search, "filter": json.dumps(clauses) if clauses else None}
    return {name: value for name, value in given.items() if value}


def _read_filter(text: str) -> dict[str, object]:
    match = _FILTER.fullmatch(text)
    if match is None:
        raise click.UsageError(f"--filter {text!r} isn't field=value, field!=value, field>value …")
    name, sign, value = match[1].strip(), match[2], match[3].strip()
    field, _ = find_field(name)
    is_number = field.type in ("number", "money", "flag") or sign not in ("=", "!=")
    if not is_number and not (field.type == "score" and re.fullmatch(r"-?[0-9.]+", value)):
        return {"field": name, "op": _OPERATORS[sign], "value": value}
    try:
        return {"field": name, "op": _OPERATORS[sign], "value": json.loads(value)}
    except ValueError as e:
        raise click.UsageError(f"--filter {text!r}: {value!r} isn't a number, true or false") from e


def draw_tree(trace: Mapping[str, Any]) -> list[str]:
    """One line a span, indented with rules, from a skeleton."""
    columns = trace["columns"]
    parents = cast("list[int]", columns["parent_index"])
    last_child: dict[int, int] = {parent: i for i, parent in enumerate(parents)}
    stems: list[str] = []
    lines: list[str] = []
    for i, parent in enumerate(parents):
        is_root, is_last = parent < 0, last_child[parent] == i
        branch = "" if is_root else stems[parent] + ("└─ " if is_last else "├─ ")
        stems.append("" if is_root else stems[parent] + ("   " if is_last else "│  "))
        lines.append(branch + _describe(trace, i))
    return lines


def _describe(trace: Mapping[str, Any], i: int) -> str:
    columns = trace["columns"]
    if columns["missing"][i]:
        return f"? missing parent {columns['span_id'][i]}"
    model = trace["models"][columns["model_index"][i]]
    tokens = columns["total_tokens"][i]
    extra = "".join([f"  {model}" if model else "", f"  {tokens} tokens" if tokens else ""])
    return (
        f"{_STATUS[columns['status'][i]]} {trace['names'][columns['name_index'][i]]}"
        f"  [{trace['kinds'][columns['kind'][i]]}]  {_duration(columns['duration_us'][i] / 1000)}{extra}"
        f"  {columns['span_id'][i]}"
    )


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _path(connector: ApiConnector, project: str | None, tail: str) -> str:
    return f"/api/v1/projects/{connector.project_id(project)}/{tail}"
