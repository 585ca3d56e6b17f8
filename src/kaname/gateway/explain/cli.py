"""`kaname gateway plan`: explains a request, by a configuration file alone or as a running server would serve it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

import click

from kaname.access.ports import Api, ApiConnector
from kaname.gateway.config import parse_config
from kaname.gateway.explain.explain import Explainer, Question
from kaname.gateway.explain.text import render
from kaname.gateway.explain.views import PlanExplanation
from kaname.gateway.limits.service import LimitService
from kaname.gateway.model import Surface
from kaname.gateway.ports import NoLocalModels
from kaname.gateway.pricing.book import PriceBook
from kaname.gateway.text_files import read_text
from kaname.kernel.clock import SystemClock
from kaname.kernel.errors import InvalidInputError, NotFoundError


@click.command()
@click.option("--request", "request_file", required=True, type=click.Path(path_type=Path), help="The body, as JSON.")
@click.option("--config", type=click.Path(path_type=Path), help="Explain by this file, without a server.")
@click.option("--surface", type=click.Choice(get_args(Surface)), default="chat_completions", show_default=True)
@click.option("--header", "headers", multiple=True, help="name=value as the client sends it; may be repeated.")
@click.option("--key", help="As if this key called: its name or id.")
@click.option("--project", help="Id or name of the project; not needed if there is only one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def plan(
    connector: ApiConnector,
    request_file: Path,
    config: Path | None,
    surface: Surface,
    headers: tuple[str, ...],
    key: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Say where a request would go and why, what it would cost and which limits apply, without calling anything."""
    document = _read_request(request_file)
    sent = dict(_header(text) for text in headers)
    if config is not None:
        answer = _explain_by_file(
            config, Question(document=document, surface=surface, headers=sent, key_name=key or "")
        )
    else:
        answer = _ask(connector, project, {"request": document, "surface": surface, "headers": sent}, key)
    if as_json:
        click.echo(answer.model_dump_json(indent=2))
        return
    for line in render(answer):
        click.echo(line)


def _explain_by_file(path: Path, question: Question) -> PlanExplanation:
    """Keys aren't looked up: nothing is called. Limits are those of `key_defaults`."""
    config = parse_config(read_text(path, "Name a gateway.yaml."), str(path), lambda source, name: "not-looked-up")
    clock = SystemClock()
    limits = LimitService(clock, config.key_defaults)
    explainer = Explainer(local_models=NoLocalModels(), limits=limits, prices=PriceBook.load(), clock=clock)
    return explainer.explain(config, question)


def _ask(connector: ApiConnector, project: str | None, body: dict[str, object], key: str | None) -> PlanExplanation:
    api = connector.connect()
    base = f"/api/v1/projects/{connector.project_id(project)}"
    if key is not None:
        body = {**body, "key_id": _key_id(api, base, key)}
    return PlanExplanation.model_validate(api.post(f"{base}/gateway/plan", body))


def _key_id(api: Api, base: str, wanted: str) -> str:
    cursor: str | None = ""
    while cursor is not None:
        page = cast("dict[str, Any]", api.get(f"{base}/keys", {"cursor": cursor} if cursor else None))
        for item in page["items"]:
            if wanted in (item["id"], item["name"], item["public_key"]):
                return str(item["id"])
        cursor = page["next_cursor"]
    raise NotFoundError(f"the project has no key {wanted!r}", hint="`kaname keys list` shows them.")


def _read_request(path: Path) -> Mapping[str, object]:
    try:
        document: object = json.loads(read_text(path, "Name a file with the request's JSON body."))
    except ValueError as e:
        raise InvalidInputError(f"{str(path)!r} isn't JSON: {e}", hint="Mend it.") from e
    if not isinstance(document, dict):
        raise InvalidInputError(f"{str(path)!r} isn't a JSON object", hint='Write `{"model": …, "messages": […]}`.')
    return cast("Mapping[str, object]", document)


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidInputError(f"header {text!r} isn't name=value", hint="Example: x-kaname-user-id=u-17")
    return name.strip(), value.strip()
