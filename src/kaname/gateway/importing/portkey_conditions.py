"""Conditions of Portkey's conditional routing (`$eq`, `$in`, `$and` …) as the text of a `when`.

Metadata keeps its names, `params.model` is the name that the caller asked for, `url.pathname` one of our surfaces.
Other parameters of the request aren't known to routes.
Source: portkey.ai/docs/product/ai-gateway/conditional-routing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from kaname.gateway.routing.expression import ExpressionError, compile_expression
from kaname.gateway.surfaces import BY_PATH
from kaname.gateway.yaml_tree import Node

_COMPARISONS: Final[Mapping[str, str]] = {
    "$eq": "==", "$ne": "!=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<=", "$in": "in", "$nin": "not in",
}  # fmt: skip
_JOINED: Final[Mapping[str, str]] = {"$and": " and ", "$or": " or "}
_METADATA: Final = re.compile(r"metadata\.[\w-]+")
_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")


class UnsayableError(Exception):
    """A condition that routes have no words for."""


def condition_text(query: Node) -> str:
    """The condition; raises UnsayableError with the reason."""
    text = _query(query)
    try:
        compile_expression(text)
    except ExpressionError as e:
        raise UnsayableError(e.message) from e
    return text


def models_asked(query: Node) -> list[str]:
    """Names that `params.model` is compared with, which callers therefore use."""
    names: list[str] = []
    for key, child in query.mapping().items():
        if key in _JOINED:
            names += [name for item in child.items() for name in models_asked(item)]
        elif key == "params.model":
            value = child.value
            operators = child.mapping() if isinstance(value, Mapping) else {"$eq": child}
            names += [str(item.value) for op in ("$eq", "$in") if op in operators for item in _listed(operators[op])]
    return names


def _query(query: Node) -> str:
    parts = [_joined(child, key) if key in _JOINED else _test(key, child) for key, child in query.mapping().items()]
    if not parts:
        raise UnsayableError("it is empty")
    return " and ".join(parts)


def _joined(node: Node, how: str) -> str:
    parts = [_query(item) for item in node.items()]
    if not parts:
        raise UnsayableError(f"{how} of nothing")
    return f"({_JOINED[how].join(f'({part})' for part in parts)})" if len(parts) > 1 else parts[0]


def _test(key: str, node: Node) -> str:
    value = node.value
    operators = node.mapping() if isinstance(value, Mapping) else {"$eq": node}
    name = _name(key)
    return " and ".join(_compare(name, key, operator, child) for operator, child in operators.items())


def _name(key: str) -> str:
    if key == "params.model":
        return "model"
    if key == "url.pathname":
        return "surface"
    if _METADATA.fullmatch(key):
        return key
    raise UnsayableError(f"routes know nothing like {key!r:.60}")


def _compare(name: str, key: str, operator: str, node: Node) -> str:
    if operator == "$regex":
        return f"matches({name}, {_text(node)})"
    if operator not in _COMPARISONS:
        raise UnsayableError(f"there is no operator {operator!r:.20}")
    if operator in ("$in", "$nin"):
        values = f"[{', '.join(_value(item, key) for item in node.items())}]"
    else:
        values = _value(node, key, numeric=operator not in ("$eq", "$ne"))
    return f"{name} {_COMPARISONS[operator]} {values}"


def _value(node: Node, key: str, *, numeric: bool = False) -> str:
    value = node.value
    if key == "url.pathname":
        surface = BY_PATH.get(str(value))
        if surface is None:
            raise UnsayableError(f"no surface has the path {str(value)!r:.60}")
        return f'"{surface.name}"'
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return f"{value}"
    if numeric and isinstance(value, str) and _NUMBER.fullmatch(value):
        return value  # Portkey compares what both texts say as numbers
    return _text(node)


def _text(node: Node) -> str:
    value = node.value
    if not isinstance(value, str):
        raise UnsayableError("it compares with something that is no text")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _listed(node: Node) -> Sequence[Node]:
    return node.items() if not isinstance(node.value, (str, int, float, bool)) else [node]
