"""LiteLLM's `config.yaml` → our `gateway.yaml`. Pure; never shows or keeps a key.

Deployments of one `model_name` become equal targets, those of a higher `order` fallbacks; router settings become
retries, timeouts and fallbacks of every route. Whatever has no counterpart is named with its line.
Source: docs.litellm.ai/docs/proxy/config_settings and /docs/routing, as of November 2026.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kaname.gateway.importing.litellm_providers import Providers
from kaname.gateway.importing.model import Imported, Notes, write_yaml
from kaname.gateway.yaml_tree import Node, read_tree

_HEAD: Final = "# Imported from LiteLLM. `kaname gateway check` validates it.\n"
_CHOOSE: Final[Mapping[str, str]] = {
    "simple-shuffle": "balanced", "least-busy": "balanced", "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
}  # fmt: skip
_READ_PARAMS: Final = frozenset(
    {
        "model", "api_key", "api_base", "base_url", "api_version", "custom_llm_provider", "aws_region_name", "weight",
        "order", "timeout", "stream_timeout", "max_retries", "aws_access_key_id", "aws_secret_access_key",
    }
)  # fmt: skip
_DEFAULTS: Final = frozenset({"temperature", "max_tokens", "top_p", "seed", "presence_penalty", "frequency_penalty"})
_FALLBACKS: Final = {
    "fallbacks": "fallback",
    "context_window_fallbacks": "context_fallback",
    "content_policy_fallbacks": "content_fallback",
}
_SHARED: Final = frozenset(
    {*_FALLBACKS, "routing_strategy", "num_retries", "timeout", "request_timeout", "default_fallbacks"}
)
_BREAKER: Final = frozenset({"allowed_fails", "cooldown_time"})


@dataclass(slots=True)
class _Group:
    """All deployments of one `model_name`: targets by `order`."""

    by_order: dict[int, list[object]] = field(default_factory=dict[int, list[object]])
    timeouts: dict[str, str] = field(default_factory=dict[str, str])
    retries: int | None = None
    context_window: int | None = None

    def tiers(self) -> list[list[object]]:
        return [self.by_order[order] for order in sorted(self.by_order)]


@dataclass(slots=True)
class _Shared:
    """Router settings that every route gets."""

    choose: str = "balanced"
    retries: int | None = None
    timeout: str = ""
    fallbacks: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    default_fallbacks: list[str] = field(default_factory=list[str])
    aliases: dict[str, str] = field(default_factory=dict[str, str])


def import_litellm(text: str, source: str) -> Imported:
    """Raises ConfigurationError when the text isn't YAML."""
    notes = Notes()
    top = read_tree(text, source).mapping()
    providers, groups = Providers(notes), dict[str, _Group]()
    default_provider = ""
    for entry in top["model_list"].items() if "model_list" in top else ():
        default_provider = _add_deployment(entry, providers, groups, notes) or default_provider
    shared = _Shared()
    for section in ("router_settings", "litellm_settings"):
        if section in top:
            _read_shared(top[section], shared, notes)
    for name, node in top.items():
        if name not in ("model_list", "router_settings", "litellm_settings"):
            notes.add(node, _ELSEWHERE.get(name, "has no counterpart in gateway.yaml"))
    document: dict[str, object] = {"providers": providers.found, "models": _models(groups, shared, notes, top)}
    if default_provider:
        document["default_provider"] = default_provider
    return Imported(text=write_yaml(document, _HEAD), notes=notes.in_order())


_ELSEWHERE: Final = {
    "general_settings": "master key, database and alerts are settings of the server: see docs/en/settings.md",
    "environment_variables": "set these in the server's environment",
}


def _add_deployment(entry: Node, providers: Providers, groups: dict[str, _Group], notes: Notes) -> str:
    """Adds one entry of `model_list`; returns the default provider if the entry is the catch-all `*`."""
    fields = entry.mapping()
    params = _inner(fields, "litellm_params")
    placed = providers.place(params, entry)
    if placed is None:
        return ""
    name = str(fields["model_name"].value) if "model_name" in fields else placed.model
    if "*" in name:
        if name != "*" and name.partition("/")[0] != placed.provider:
            notes.add(entry, f"wildcards aren't names here: call the models as `{placed.provider}/…`")
        return placed.provider if name == "*" else ""
    target: dict[str, object] = {"use": f"{placed.provider}/{placed.model}"}
    if "weight" in params:
        target["weight"] = params["weight"].value
    if overrides := {key: node.value for key, node in params.items() if key in _DEFAULTS}:
        target["overrides"] = overrides
        notes.add(
            fields["litellm_params"], f"{', '.join(overrides)}: replace what a caller sends; LiteLLM's only fill in"
        )
    for key, node in params.items():
        if key not in _READ_PARAMS and key not in _DEFAULTS:
            notes.add(node, _NOT_PER_TARGET.get(key, "has no counterpart"))
    group = groups.setdefault(name, _Group())
    order = params["order"].value if "order" in params else 1
    group.by_order.setdefault(order if isinstance(order, int) else 1, []).append(
        target["use"] if len(target) == 1 else target
    )
    _read_behaviour(group, params, fields, notes)
    return ""


_NOT_PER_TARGET: Final = {
    "rpm": "deployments have no limits here: limit keys (`key_defaults`, policies); a 429 rests the deployment anyway",
    "tpm": "deployments have no limits here: limit keys (`key_defaults`, policies); a 429 rests the deployment anyway",
    "input_cost_per_token": "prices are a project's: see docs/en/pricing.md",
    "output_cost_per_token": "prices are a project's: see docs/en/pricing.md",
}


def _read_behaviour(group: _Group, params: Mapping[str, Node], fields: Mapping[str, Node], notes: Notes) -> None:
    """Timeouts and retries, which are the route's here: the last deployment that says something counts."""
    for key, ours in (("timeout", "total"), ("stream_timeout", "ttft")):
        if key in params and (seconds := _seconds(params[key], notes)):
            group.timeouts[ours] = seconds
    if "max_retries" in params and isinstance(value := params["max_retries"].value, int):
        group.retries = min(max(value, 0), 10)
    info = _inner(fields, "model_info")
    window = info["max_input_tokens"].value if "max_input_tokens" in info else None
    if isinstance(window, int) and window > 0:
        group.context_window = window


def _read_shared(section: Node, shared: _Shared, notes: Notes) -> None:
    for key, node in section.mapping().items():
        value = node.value
        if key in _FALLBACKS:
            for entry in node.items():
                for group, others in entry.mapping().items():
                    names = [str(other.value) for other in others.items()]
                    shared.fallbacks.setdefault(group, {})[_FALLBACKS[key]] = names
        elif key == "default_fallbacks":
            shared.default_fallbacks = [str(other.value) for other in node.items()]
        elif key == "routing_strategy":
            shared.choose = _CHOOSE.get(str(value), "balanced")
            if str(value) not in _CHOOSE:
                notes.add(node, f"strategy {value!r} isn't known: equals are balanced by latency and load")
        elif key == "num_retries" and isinstance(value, int):
            shared.retries = min(max(value, 0), 10)
        elif key in ("timeout", "request_timeout"):
            shared.timeout = _seconds(node, notes)
        elif key == "model_group_alias":
            _read_aliases(node, shared, notes)
        elif key in _BREAKER:
            notes.add(node, "breakers set themselves: open at 50 % of 20 calls or 5 in a row, and return by probes")
        elif key not in _SHARED:
            notes.add(node, "has no counterpart in gateway.yaml")


def _read_aliases(node: Node, shared: _Shared, notes: Notes) -> None:
    for alias, target in node.mapping().items():
        inner = target.value
        if isinstance(inner, Mapping):
            named = target.mapping().get("model")
            shared.aliases[alias] = str(named.value) if named is not None else ""
            if "hidden" in target.mapping():
                notes.add(target, "`hidden`: every alias that a key may use is listed")
        else:
            shared.aliases[alias] = str(inner)


def _models(groups: Mapping[str, _Group], shared: _Shared, notes: Notes, top: Mapping[str, Node]) -> dict[str, object]:
    models: dict[str, object] = {
        name: _model(name, group, groups, shared, notes, top) for name, group in groups.items()
    }
    for alias, name in shared.aliases.items():
        if name in groups and alias not in models:
            models[alias] = _model(name, groups[name], groups, shared, notes, top)
        elif alias not in models:
            notes.add(top["router_settings"], f"alias {alias!r} names the unknown model {name!r}")
    return models


def _model(
    name: str, group: _Group, groups: Mapping[str, _Group], shared: _Shared, notes: Notes, top: Mapping[str, Node]
) -> dict[str, object]:
    first, *later = group.tiers()
    step: dict[str, object] = {"targets": first}
    if shared.choose != "balanced" and len(first) > 1:
        step["choose"] = shared.choose
    wanted = dict(shared.fallbacks.get("*", {})) | shared.fallbacks.get(name, {})
    if "fallback" not in wanted and shared.default_fallbacks:
        wanted["fallback"] = [other for other in shared.default_fallbacks if other != name]
    for ours in _FALLBACKS.values():
        targets = [target for tier in later for target in tier] if ours == "fallback" else []
        targets += _targets_of(wanted.get(ours, ()), groups, notes, top)
        if targets:
            step[ours] = targets
    model: dict[str, object] = {"route": [step]}
    timeouts = ({"total": shared.timeout} if shared.timeout else {}) | group.timeouts
    if timeouts:
        model["timeouts"] = timeouts
    retries = group.retries if group.retries is not None else shared.retries
    if retries is not None:
        model["retry"] = {"max": retries}
    if group.context_window is not None:
        model["context_window"] = group.context_window
    return model


def _targets_of(
    names: Sequence[str], groups: Mapping[str, _Group], notes: Notes, top: Mapping[str, Node]
) -> list[object]:
    """Fallbacks are targets here, so another model's first targets stand for it."""
    found: list[object] = []
    for name in names:
        if name in groups:
            found += groups[name].tiers()[0]
        else:
            section = top.get("router_settings") or top["litellm_settings"]
            notes.add(section, f"fallback {name!r} isn't in `model_list`")
    return found


def _inner(fields: Mapping[str, Node], name: str) -> Mapping[str, Node]:
    nothing: Mapping[str, Node] = {}
    return fields[name].mapping() if name in fields else nothing


def _seconds(node: Node, notes: Notes) -> str:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.001 <= value <= 86_400:
        notes.add(node, "isn't a number of seconds up to a day")
        return ""
    return f"{value:g}s"
