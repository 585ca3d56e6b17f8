"""A Portkey config (JSON) → our `gateway.yaml`. Pure; never shows or keeps a key.

The config becomes one route: `loadbalance` weighted targets, `fallback` a list after them, `conditional` steps with
`when`. Portkey nests strategies as deeply as it likes and a step here has two levels, so what is deeper is laid flat,
and said so. Whatever has no counterpart is named with its line. Keys may be written in camelCase.
Source: portkey.ai/docs/api-reference/inference-api/config-object.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kaname.gateway.importing.model import Imported, Notes, write_yaml
from kaname.gateway.importing.portkey_conditions import UnsayableError, condition_text, models_asked
from kaname.gateway.importing.portkey_providers import CREDENTIALS, PortkeyProviders
from kaname.gateway.yaml_tree import Node, read_tree

_HEAD: Final = "# Imported from Portkey. `kaname gateway check` validates it.\n"
_UNKNOWN_MODEL: Final = "replace-me"
_STRATEGY: Final = frozenset({"strategy", "targets", "weight", "name", "override_params", "retry", "cache"})
_READ: Final = _STRATEGY | CREDENTIALS | {"request_timeout"}
_NOT_OVERRIDDEN: Final = frozenset({"model", "messages", "stream", "stream_options", "input", "prompt"})
_REPEATED: Final = frozenset({408, 429, 529, *range(500, 505)})
_CACHED_S: Final = 3600
_DAY_S: Final = 86_400
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ELSEWHERE: Final[Mapping[str, str]] = {
    "input_guardrails": "write what they check as `guardrails.input`: see docs/en/guardrails.md",
    "output_guardrails": "write what they check as `guardrails.output`: see docs/en/guardrails.md",
    "before_request_hooks": "write what they check as `guardrails.input`: see docs/en/guardrails.md",
    "after_request_hooks": "write what they check as `guardrails.output`: see docs/en/guardrails.md",
    "forward_headers": "headers of the caller aren't sent on",
    "metadata": "metadata comes with each call here",
    "on_status_codes": "belongs to `strategy` or `retry`",
}


@dataclass(slots=True)
class _Tiers:
    """A strategy laid flat: equals, and what follows a failure."""

    targets: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    fallback: list[dict[str, object]] = field(default_factory=list[dict[str, object]])


@dataclass(slots=True)
class _Route:
    """What the whole route gets, from wherever in the config it was said."""

    retry: dict[str, object] = field(default_factory=dict[str, object])
    timeouts: dict[str, object] = field(default_factory=dict[str, object])
    cache: dict[str, object] = field(default_factory=dict[str, object])


def import_portkey(text: str, source: str, *, name: str = "portkey", model: str = "") -> Imported:
    """`name` is the route's; `model` serves targets that name none. Raises ConfigurationError for no JSON or YAML."""
    notes = Notes()
    config = _unwrapped(read_tree(text, source))
    importer = _Importer(notes, model)
    route = importer.read(config)
    models: dict[str, object] = {name: route}
    for alias in importer.aliases:
        models.setdefault(alias, route)
    document: dict[str, object] = {"providers": importer.providers.found, "models": models}
    return Imported(text=write_yaml(document, _HEAD), notes=notes.in_order())


class _Importer:
    def __init__(self, notes: Notes, model: str) -> None:
        self.providers = PortkeyProviders(notes)
        self.aliases: list[str] = []
        self._notes = notes
        self._model = model
        self._route = _Route()

    def read(self, config: Node) -> dict[str, object]:
        """The route as our file writes it."""
        steps = self._steps(config)
        route: dict[str, object] = {"route": steps}
        for name in ("timeouts", "retry", "cache"):
            if said := getattr(self._route, name):
                route[name] = said
        return route

    def _steps(self, config: Node) -> list[dict[str, object]]:
        fields = _fields(config)
        strategy = _fields(fields["strategy"]) if "strategy" in fields else {}
        if _mode(strategy) != "conditional":
            return [_step(self._tiers(config, {}))]
        self._behaviour(fields)
        self._note_rest(fields)
        named = {str(f["name"].value): t for t in _targets(fields) if "name" in (f := _fields(t))}
        steps: list[dict[str, object]] = []
        for condition in strategy["conditions"].items() if "conditions" in strategy else ():
            said = condition.mapping()
            target = named.get(str(said["then"].value)) if "then" in said else None
            if target is None or "query" not in said:
                self._notes.add(condition, "names no target of the config")
                continue
            try:
                when = condition_text(said["query"])
            except UnsayableError as e:
                self._notes.add(said["query"], f"can't be said as a condition, so this branch is left out: {e}")
                continue
            self.aliases += [asked for asked in models_asked(said["query"]) if asked not in self.aliases]
            steps.append({"when": when, **_step(self._tiers(target, _inherited(fields)))})
        default = named.get(str(strategy["default"].value)) if "default" in strategy else None
        if default is None:
            self._notes.add(config, "has no default target: calls that meet no condition are refused")
        else:
            steps.append(_step(self._tiers(default, _inherited(fields))))
        if not steps:
            self._notes.add(config, "nothing of it could be imported")
            steps.append({"targets": [{"use": f"{self._placed(config, {})[0]}/{_UNKNOWN_MODEL}"}]})
        return steps

    def _tiers(self, node: Node, inherited: Mapping[str, Node]) -> _Tiers:
        fields = _fields(node)
        self._behaviour(fields)
        self._note_rest(fields)
        if "targets" not in fields:
            return _Tiers(targets=[self._target(node, {**inherited, **fields})])
        strategy = _fields(fields["strategy"]) if "strategy" in fields else {}
        mode, passed = _mode(strategy), {**inherited, **_inherited(fields)}
        children = [(child, self._tiers(child, passed)) for child in _targets(fields)]
        if mode == "fallback":
            return self._fall_back(strategy, [tiers for _, tiers in children])
        if mode == "conditional":
            self._notes.add(node, "conditions can only stand at the top: its default target is taken")
            default = str(strategy["default"].value) if "default" in strategy else ""
            chosen = [tiers for child, tiers in children if str(_plain(child, "name")) == default]
            return (chosen or [tiers for _, tiers in children] or [_Tiers()])[0]
        if mode == "loadbalance":
            if "sticky_session" in strategy:
                self._notes.add(strategy["sticky_session"], "equals aren't sticky here: see `split` with `sticky`")
            return self._balance(children)
        return children[0][1] if children else _Tiers()

    def _fall_back(self, strategy: Mapping[str, Node], children: list[_Tiers]) -> _Tiers:
        if "on_status_codes" in strategy:
            codes = strategy["on_status_codes"]
            self._notes.add(codes, "what falls back is fixed: failures of the upstream, 429 and refused keys, no 4xx")
        first, *later = children or [_Tiers()]
        after = [target for tiers in later for target in (*tiers.targets, *tiers.fallback)]
        return _Tiers(targets=first.targets, fallback=[*first.fallback, *(_unweighted(target) for target in after)])

    def _balance(self, children: list[tuple[Node, _Tiers]]) -> _Tiers:
        balanced = _Tiers()
        for child, tiers in children:
            weight = _plain(child, "weight")
            share = float(weight) if isinstance(weight, (int, float)) and not isinstance(weight, bool) else 1.0
            if share <= 0:
                self._notes.add(child, "has no weight, so it is left out")
                continue
            for target in tiers.targets:
                inner = target.get("weight", 1.0)
                product = share * inner if isinstance(inner, (int, float)) else share
                balanced.targets.append({**target, "weight": max(round(product, 6), 0.001)})
            if tiers.fallback:
                self._notes.add(child, "its fallbacks serve all equals of the step")
            balanced.fallback += [target for target in tiers.fallback if target not in balanced.fallback]
        if len({target.get("weight") for target in balanced.targets}) == 1:
            balanced.targets = [_unweighted(target) for target in balanced.targets]
        return balanced

    def _target(self, node: Node, fields: Mapping[str, Node]) -> dict[str, object]:
        provider, model, overrides = self._placed(node, fields)
        if not model:
            model = self._model or _UNKNOWN_MODEL
            if not self._model:
                said = f"the caller named the model: write it for {_UNKNOWN_MODEL}, or use --model"
                self._notes.add(node, said)
        target: dict[str, object] = {"use": f"{provider}/{model}"}
        if overrides:
            target["overrides"] = overrides
        return target

    def _placed(self, node: Node, fields: Mapping[str, Node]) -> tuple[str, str, dict[str, object]]:
        nothing: Mapping[str, Node] = {}
        params = fields["override_params"].mapping() if "override_params" in fields else nothing
        asked = str(params["model"].value) if "model" in params else ""
        overrides: dict[str, object] = {}
        for name, param in params.items():
            if name not in _NOT_OVERRIDDEN:
                overrides[name] = param.plain()
            elif name != "model":
                self._notes.add(param, "can't be overridden")
        placed = self.providers.place(node, fields, asked)
        return placed.provider, placed.model, overrides

    def _behaviour(self, fields: Mapping[str, Node]) -> None:
        """What is the route's here; the largest of several counts."""
        if "retry" in fields:
            self._read_retry(_fields(fields["retry"]))
        if "request_timeout" in fields:
            node = fields["request_timeout"]
            value = node.value
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= _DAY_S * 1000:
                self._notes.add(node, "isn't a number of milliseconds up to a day")
            else:
                said = str(self._route.timeouts.get("total", "0s")).removesuffix("s")
                self._route.timeouts["total"] = f"{max(float(said), value / 1000):g}s"
                if float(said) and float(said) != value / 1000:
                    self._notes.add(node, "the whole route has one time limit: the longest counts")
        if "cache" in fields:
            self._read_cache(fields["cache"])

    def _read_retry(self, retry: Mapping[str, Node]) -> None:
        attempts = retry["attempts"].value if "attempts" in retry else 0
        before = self._route.retry.get("max", 0)
        if isinstance(attempts, int) and isinstance(before, int):
            self._route.retry["max"] = max(before, min(max(attempts, 0), 10))
        codes = retry.get("on_status_codes")
        if codes is not None and not all(item.value in _REPEATED for item in codes.items()):
            self._notes.add(codes, "what is repeated is fixed: failures of the upstream, time-outs and 429")
        for name in ("use_retry_after_header", "use_retry_after_headers"):
            if name in retry and retry[name].value is False:
                self._route.retry["honor_retry_after"] = False

    def _read_cache(self, node: Node) -> None:
        cache = _fields(node) if isinstance(node.value, Mapping) else {"mode": node}
        mode = cache["mode"].value if "mode" in cache else "simple"
        age = cache["max_age"].value if "max_age" in cache else _CACHED_S
        seconds = age if isinstance(age, (int, float)) and not isinstance(age, bool) and age > 0 else _CACHED_S
        if seconds > _DAY_S:
            self._notes.add(cache["max_age"], "answers are kept for a day at most")
        kept = f"{min(seconds, _DAY_S):g}s"
        if mode == "semantic":
            self._route.cache = {"exact": kept, "semantic": {"ttl": kept}}
        elif mode == "simple":
            self._route.cache = self._route.cache or {"exact": kept}
        else:
            self._notes.add(node, f"cache mode {mode!r:.30} isn't known")
            return
        self._notes.add(node, "answers are kept for each API key; `scope: project` shares them as Portkey does")

    def _note_rest(self, fields: Mapping[str, Node]) -> None:
        for name, node in fields.items():
            if name not in _READ:
                self._notes.add(node, _ELSEWHERE.get(name, "has no counterpart"))


def _step(tiers: _Tiers) -> dict[str, object]:
    step: dict[str, object] = {"targets": [_short(target) for target in tiers.targets]}
    if tiers.fallback:
        step["fallback"] = [_short(target) for target in tiers.fallback]
    return step


def _short(target: dict[str, object]) -> object:
    return target["use"] if len(target) == 1 else target


def _unweighted(target: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in target.items() if name != "weight"}


def _mode(strategy: Mapping[str, Node]) -> str:
    return str(strategy["mode"].value) if "mode" in strategy else "single"


def _targets(fields: Mapping[str, Node]) -> list[Node]:
    return list(fields["targets"].items()) if "targets" in fields else []


def _inherited(fields: Mapping[str, Node]) -> dict[str, Node]:
    """What targets have from above: Portkey lets them inherit overrides."""
    return {name: fields[name] for name in ("override_params",) if name in fields}


def _fields(node: Node) -> dict[str, Node]:
    """A map of Portkey's, in snake_case."""
    return {_CAMEL.sub("_", name).lower(): child for name, child in node.mapping().items()}


def _plain(node: Node, name: str) -> object:
    fields = _fields(node)
    return fields[name].value if name in fields else None


def _unwrapped(top: Node) -> Node:
    """The config itself, out of what Portkey's API answers or its UI exports."""
    for name in ("data", "config"):
        fields = top.mapping()
        if name in fields and "targets" not in fields and isinstance(fields[name].value, Mapping):
            top = fields[name]
    return top


def looks_like_portkey(top: Mapping[str, Node]) -> bool:
    """Whether a file's top level is a Portkey config, not LiteLLM's."""
    names = {_CAMEL.sub("_", name).lower() for name in top}
    return "model_list" not in names and bool(
        names & {"strategy", "targets", "provider", "virtual_key", "config", "data", "retry", "cache"}
    )
