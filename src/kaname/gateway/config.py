"""`gateway.yaml` as frozen values: providers (where, with which keys) and models (alias → route of targets).

    providers:
      openai: {type: openai, keys: [{env: OPENAI_API_KEY}]}
      box: {type: openai_compatible, base_url: "http://10.0.0.7:8000/v1", allow_private: true}
    models:
      support-bot: {route: [{targets: [{use: openai/gpt-4o-mini}]}], timeouts: {ttft: 10s}}
      draft: {use: local/smollm2}
    default_provider: openai

Every model is also reachable as `provider/model`. `local` is always there: the models of this installation. Upstream
addresses come from this file and from nowhere else. A route has one step with one target today; the shape is the one
that conditions, splits and fallbacks extend. Parsing is pure: the environment is handed in.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn
from urllib.parse import urlsplit

from kaname.gateway.pool import Origin, is_private
from kaname.gateway.upstream_response import Timeouts
from kaname.gateway.yaml_tree import Node, read_tree

ProviderType = Literal["openai", "openai_compatible", "local"]
LOCAL: Final = "local"
OPENAI_URL: Final = "https://api.openai.com/v1"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LATER: Final = ("when", "split", "fallback", "mirror")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKey:
    """A credential for an upstream. `name` says where it came from and may be shown."""

    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """A parsed upstream address."""

    origin: Origin
    path: str
    """Without a trailing slash, e.g. `/v1`."""

    @property
    def host_header(self) -> str:
        """Value of `Host`."""
        host = f"[{self.origin.host}]" if ":" in self.origin.host else self.origin.host
        default = {"http": 80, "https": 443}[self.origin.scheme]
        return host if self.origin.port == default else f"{host}:{self.origin.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An upstream service. `base_url` is None for `local`, whose address is known only at run time."""

    name: str
    type: ProviderType
    base_url: BaseUrl | None
    keys: tuple[ProviderKey, ...] = ()
    stream_usage: bool = True
    """Whether it understands `stream_options.include_usage`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A model at a provider."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoute:
    """What a model name stands for."""

    name: str
    targets: tuple[Target, ...]
    timeouts: Timeouts = field(default_factory=Timeouts)
    tools: bool | None = None
    """False: calls that demand a tool are refused. None: unknown, so the upstream decides."""
    context_window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """One valid configuration. `version` changes with its text."""

    version: str
    providers: Mapping[str, Provider]
    models: Mapping[str, ModelRoute]
    default_provider: str | None = None


def parse_config(
    text: str, source: str, environment: Mapping[str, str], *, max_connections: int = 512
) -> GatewayConfig:
    """Validates the whole file; raises ConfigurationError with file, line and path of the first error."""
    top = read_tree(text, source).fields(("providers", "models", "default_provider"))
    providers = {LOCAL: Provider(name=LOCAL, type="local", base_url=None)}
    if (node := top.get("providers")) is not None:
        for name, child in node.mapping().items():
            providers[name] = _provider(name, child, environment, max_connections)
    models: dict[str, ModelRoute] = {}
    if (node := top.get("models")) is not None:
        for name, child in node.mapping().items():
            models[name] = _model(name, child, providers)
    default = top.get("default_provider")
    if default is not None and default.text() not in providers:
        default.refuse(f"no provider is called {default.text()!r}", f"Known: {', '.join(providers)}.")
    return GatewayConfig(
        version=hashlib.sha256(text.encode()).hexdigest()[:12],
        providers=providers,
        models=models,
        default_provider=default.text() if default is not None else None,
    )


def default_config(environment: Mapping[str, str], *, max_connections: int = 512) -> GatewayConfig:
    """Without a file: the local models, and OpenAI when `OPENAI_API_KEY` is set."""
    text = ""
    if environment.get("OPENAI_API_KEY"):
        text = "providers: {openai: {type: openai, keys: [{env: OPENAI_API_KEY}]}}\ndefault_provider: openai\n"
    return parse_config(text, "default", environment, max_connections=max_connections)


def parse_base_url(url: str, *, allow_private: bool, ca_file: str, max_connections: int) -> BaseUrl:
    """Parses an upstream address; raises ValueError saying what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must look like https://host/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not have a user, a query or a fragment")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be printable ASCII without spaces")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    origin = Origin(parts.scheme, parts.hostname, port, allow_private, ca_file, max_connections)
    return BaseUrl(origin=origin, path=parts.path.rstrip("/"))


def _provider(name: str, node: Node, environment: Mapping[str, str], max_connections: int) -> Provider:
    if name == LOCAL:
        node.refuse(f"{LOCAL!r} is built in", "Give this provider another name.")
    if not _NAME.fullmatch(name):
        node.refuse(f"{name!r} can't be a provider's name", "Use a-z, 0-9, dot, dash and underscore.")
    fields = node.fields(("type", "base_url", "keys", "allow_private", "ca_file", "max_connections", "stream_usage"))
    kind = fields["type"].text() if "type" in fields else "openai_compatible"
    if kind not in ("openai", "openai_compatible"):
        fields["type"].refuse(f"unknown provider type {kind!r}", "Known: openai, openai_compatible.")
    if kind == "openai_compatible" and "base_url" not in fields:
        node.refuse("`base_url` is missing", 'Add `base_url: "https://host/v1"`.')
    keys = fields["keys"].items() if "keys" in fields else ()
    return Provider(
        name=name,
        type="openai" if kind == "openai" else "openai_compatible",
        base_url=_base_url(fields, max_connections),
        keys=tuple(key for child in keys for key in _weighted_key(child, environment)),
        stream_usage=fields["stream_usage"].boolean() if "stream_usage" in fields else True,
    )


def _base_url(fields: Mapping[str, Node], max_connections: int) -> BaseUrl:
    node = fields.get("base_url")
    allow_private = fields["allow_private"].boolean() if "allow_private" in fields else False
    ca_file = fields["ca_file"].text() if "ca_file" in fields else ""
    if "max_connections" in fields:
        max_connections = fields["max_connections"].integer(1, 65_535)
    try:
        url = parse_base_url(
            node.text() if node is not None else OPENAI_URL,
            allow_private=allow_private,
            ca_file=ca_file,
            max_connections=max_connections,
        )
    except ValueError as e:
        _refuse_url(fields, str(e))
    if not allow_private and _names_private_host(url.origin.host):
        _refuse_url(fields, "is a private address; if that is meant, add `allow_private: true`")
    return url


def _refuse_url(fields: Mapping[str, Node], problem: str) -> NoReturn:
    node = fields["base_url"]
    node.refuse(f"{node.text()!r} {problem}")


def _names_private_host(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return is_private(host)
    except ValueError:
        return False  # a name; it is checked whenever it is resolved


def _weighted_key(node: Node, environment: Mapping[str, str]) -> list[ProviderKey]:
    """A key as often as it takes its turn."""
    fields = node.fields(("env", "weight"))
    if "env" not in fields:
        node.refuse("`env` is missing", "Write `{env: NAME_OF_A_VARIABLE}`; keys never stand in this file.")
    weight = fields["weight"].integer(1, 100) if "weight" in fields else 1
    variable = fields["env"].text()
    secret = environment.get(variable, "")
    if not secret:
        fields["env"].refuse(f"environment variable {variable!r} isn't set", "Set it, or remove the key.")
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        fields["env"].refuse(
            f"environment variable {variable!r} doesn't hold a key", "It has spaces or odd characters."
        )
    return [ProviderKey(name=f"env:{variable}", secret=secret)] * weight


def _model(name: str, node: Node, providers: Mapping[str, Provider]) -> ModelRoute:
    if not name.isprintable() or len(name) > 256 or not name:
        node.refuse(f"{name!r} can't be a model's name", "Use 1 to 256 printable characters.")
    fields = node.fields(("use", "route", "timeouts", "tools", "context_window"))
    if ("use" in fields) == ("route" in fields):
        node.refuse("needs either `use` or `route`", "Write `{use: provider/model}`.")
    target = _target(fields["use"], providers) if "use" in fields else _route(fields["route"], providers)
    return ModelRoute(
        name=name,
        targets=(target,),
        timeouts=_timeouts(fields["timeouts"]) if "timeouts" in fields else Timeouts(),
        tools=fields["tools"].boolean() if "tools" in fields else None,
        context_window=fields["context_window"].integer(1, 1 << 40) if "context_window" in fields else None,
    )


def _route(node: Node, providers: Mapping[str, Provider]) -> Target:
    steps = node.items()
    if len(steps) != 1:
        node.refuse(f"has {len(steps)} steps; this version routes by exactly one")
    for key, child in steps[0].mapping().items():
        if key in _LATER:
            child.refuse(f"{key!r} isn't supported by this version")
    fields = steps[0].fields(("targets",))
    targets = fields["targets"].items() if "targets" in fields else ()
    if len(targets) != 1:
        steps[0].refuse(f"has {len(targets)} targets; this version takes exactly one")
    target = targets[0].fields(("use",))
    if "use" not in target:
        targets[0].refuse("`use` is missing", "Write `{use: provider/model}`.")
    return _target(target["use"], providers)


def _target(node: Node, providers: Mapping[str, Provider]) -> Target:
    provider, slash, model = node.text().partition("/")
    if not slash or not model or not model.isprintable():
        node.refuse(f"{node.text()!r} isn't `provider/model`")
    if provider not in providers:
        node.refuse(f"no provider is called {provider!r}", f"Known: {', '.join(providers)}.")
    return Target(provider=provider, model=model)


def _timeouts(node: Node) -> Timeouts:
    fields = node.fields(("connect", "ttft", "stall", "total"))
    values = {key: _duration_s(child) for key, child in fields.items()}
    default = Timeouts()
    return Timeouts(
        connect_s=values.get("connect", default.connect_s),
        first_byte_s=values.get("ttft", default.first_byte_s),
        stall_s=values.get("stall", default.stall_s),
        total_s=values.get("total", default.total_s),
    )


def _duration_s(node: Node) -> float:
    match = _DURATION.fullmatch(node.text())
    seconds = float(match[1]) * _UNIT_S[match[2]] if match is not None else 0.0
    if not 0.001 <= seconds <= 86_400:
        node.refuse(f"{node.text()!r} isn't a duration", "Write `250ms`, `30s`, `10m` or `1h`, up to a day.")
    return seconds
