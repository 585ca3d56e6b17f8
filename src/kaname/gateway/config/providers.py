"""Section `providers` of the configuration."""

import re
from collections.abc import Mapping
from typing import NoReturn

from kaname.gateway.config.model import LOCAL, BaseUrl, Provider, ProviderKey
from kaname.gateway.config.secrets import KeyResolver
from kaname.gateway.config.values import names_private_host, parse_base_url
from kaname.gateway.providers.model import Adapter
from kaname.gateway.providers.registry import ADAPTERS
from kaname.gateway.yaml_tree import Node

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COMMON = ("type", "base_url", "keys", "allow_private", "ca_file", "max_connections", "stream_usage")


def read_providers(node: Node | None, keys: KeyResolver, max_connections: int) -> dict[str, Provider]:
    """All providers by name; `local` is always among them."""
    providers = {LOCAL: Provider(name=LOCAL, type=LOCAL, base_url=None)}
    if node is not None:
        for name, child in node.mapping().items():
            providers[name] = _provider(name, child, keys, max_connections)
    return providers


def _provider(name: str, node: Node, keys: KeyResolver, max_connections: int) -> Provider:
    if name == LOCAL:
        node.refuse(f"{LOCAL!r} is built in", "Give this provider another name.")
    if not _NAME.fullmatch(name):
        node.refuse(f"{name!r} can't be a provider's name", "Use a-z, 0-9, dot, dash and underscore.")
    kind = node.mapping().get("type")
    kind_name = kind.text() if kind is not None else "openai_compatible"
    known = [adapter for adapter in ADAPTERS.names() if adapter != LOCAL]
    if kind_name not in known:
        (kind or node).refuse(f"unknown provider type {kind_name!r}", f"Known: {', '.join(known)}.")
    adapter = ADAPTERS.get(kind_name)
    fields = node.fields((*_COMMON, *adapter.options))
    options = {option: fields[option].text() for option in adapter.options if option in fields}
    for option, required in adapter.options.items():
        if required and option not in options:
            node.refuse(f"`{option}` is missing", f"Providers of type {kind_name!r} need it.")
    listed = fields["keys"].items() if "keys" in fields else ()
    return Provider(
        name=name,
        type=kind_name,
        base_url=_base_url(node, fields, adapter, options, max_connections),
        keys=tuple(_key(child, keys, adapter) for child in listed),
        stream_usage=fields["stream_usage"].boolean() if "stream_usage" in fields else True,
        options=options,
    )


def _base_url(
    provider: Node, fields: Mapping[str, Node], adapter: Adapter, options: Mapping[str, str], max_connections: int
) -> BaseUrl:
    node = fields.get("base_url")
    default = adapter.default_url(options)
    if node is None and not default:
        provider.refuse("`base_url` is missing", 'Add `base_url: "https://host/v1"`.')
    allow_private = fields["allow_private"].boolean() if "allow_private" in fields else False
    ca_file = fields["ca_file"].text() if "ca_file" in fields else ""
    if "max_connections" in fields:
        max_connections = fields["max_connections"].integer(1, 65_535)
    try:
        url = parse_base_url(
            node.text() if node is not None else default,
            allow_private=allow_private,
            ca_file=ca_file,
            max_connections=max_connections,
        )
    except ValueError as e:
        _refuse_url(node or provider, str(e))
    if not allow_private and names_private_host(url.origin.host):
        _refuse_url(node or provider, "is a private address; if that is meant, add `allow_private: true`")
    return url


def _refuse_url(node: Node, problem: str) -> NoReturn:
    shown = node.value if isinstance(node.value, str) else "the address"
    node.refuse(f"{shown!r} {problem}")


def _key(node: Node, keys: KeyResolver, adapter: Adapter) -> ProviderKey:
    fields = node.fields(("env", "secret", "weight"))
    if ("env" in fields) == ("secret" in fields):
        node.refuse(
            "`env` is missing" if "env" not in fields else "needs either `env` or `secret`",
            "Write `{env: NAME_OF_A_VARIABLE}` or `{secret: name}`; keys never stand in this file.",
        )
    source = "env" if "env" in fields else "secret"
    name = fields[source].text()
    secret = keys(source, name)
    what = f"environment variable {name!r}" if source == "env" else f"secret {name!r}"
    if not secret:
        way_out = "Set it" if source == "env" else f"Store it with `kaname gateway secrets set {name}`"
        fields[source].refuse(f"{what} isn't set", f"{way_out}, or remove the key.")
    if problem := adapter.key_problem(secret):
        fields[source].refuse(f"{what} doesn't hold a key", f"{problem[0].upper()}{problem[1:]}.")
    weight = fields["weight"].integer(1, 100) if "weight" in fields else 1
    return ProviderKey(name=f"{source}:{name}", secret=secret, weight=weight)
