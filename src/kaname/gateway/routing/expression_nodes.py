"""What the words of a route condition do: names, literals, comparisons, functions as typed nodes with a closure each.

A node knows its kind before any call is seen, so a condition that could never work is refused when it is read, and a
comparison becomes the one closure that fits its two sides. `wire` is text that arrived from outside (metadata,
headers): it compares with a number or a boolean by what it says. No node raises when it is read.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from kaname.gateway.routing.expression_tokens import ExpressionError, Token
from kaname.gateway.routing.model import RouteInput
from kaname.gateway.routing.safe_pattern import MAX_SUBJECT, compile_safe_pattern

Condition = Callable[[RouteInput], bool]
Value = str | float | bool | None
Literally = Value | tuple[Value, ...]
Kind = Literal["text", "wire", "number", "boolean", "list", "null"]

FUNCTIONS = ("startswith", "endswith", "contains", "matches")
CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a condition. `value` is that of a literal."""

    kind: Kind
    read: Callable[[RouteInput], object]
    column: int
    is_literal: bool = False
    value: Literally = None


NAMES: dict[str, tuple[Kind, Callable[[RouteInput], object]]] = {
    "model": ("text", operator.attrgetter("model")),
    "surface": ("text", operator.attrgetter("surface")),
    "stream": ("boolean", operator.attrgetter("stream")),
    "key": ("text", operator.attrgetter("key_name")),
    "key_id": ("text", operator.attrgetter("key_id")),
    "session_id": ("text", lambda call: call.session_id or None),
    "user_id": ("text", lambda call: call.user_id or None),
    "tags": ("list", operator.attrgetter("tags")),
}

_ORDERS: dict[str, Callable[[float | str, float | str], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_WIRE_BOOLEANS = {"true": True, "false": False}


def literal(value: Literally, column: int) -> Node:
    """A literal: text, number, true, false, null or a tuple of those."""
    kind: Kind = "null"
    if isinstance(value, str):
        kind = "text"
    elif isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, float):
        kind = "number"
    elif isinstance(value, tuple):
        kind = "list"
    return Node(kind, lambda call: value, column, is_literal=True, value=value)


def named(name: str, column: int) -> Node | None:
    """What a name reads, or None if there is no such name."""
    if name in NAMES:
        kind, read = NAMES[name]
        return Node(kind, read, column)
    prefix, dot, rest = name.partition(".")
    if not dot:
        return None
    if prefix == "metadata":
        return Node("wire", lambda call: call.metadata.get(rest), column)
    if prefix == "headers":
        encoded = rest.lower().encode()

        def read_header(call: RouteInput) -> object:
            value = call.headers.get(encoded)
            return None if value is None else value.decode("utf-8", "replace")

        return Node("wire", read_header, column)
    return None


def as_condition(node: Node) -> Condition:
    """The node's closure if it is true or false; raises ExpressionError for any other kind."""
    if node.kind != "boolean":
        raise ExpressionError(
            f"Expected a condition, and this is a {'text' if node.kind == 'wire' else node.kind}",
            column=node.column,
            hint="Compare it with something, for example != null.",
        )
    return cast(Condition, node.read)


def negate(node: Node, column: int) -> Node:
    """`not node`."""
    condition = as_condition(node)
    return Node("boolean", lambda call: not condition(call), column)


def either(left: Node, right: Node) -> Node:
    """`left or right`."""
    first, second = as_condition(left), as_condition(right)
    return Node("boolean", lambda call: first(call) or second(call), left.column)


def both(left: Node, right: Node) -> Node:
    """`left and right`."""
    first, second = as_condition(left), as_condition(right)
    return Node("boolean", lambda call: first(call) and second(call), left.column)


def compare(symbol: Token, left: Node, right: Node) -> Node:
    """`left symbol right`; raises ExpressionError for lists on a side where none can stand."""
    if symbol.text == "in":
        condition = _member(symbol, left, right)
    elif left.kind == "list" or right.kind == "list":
        raise ExpressionError(f"A list can't stand beside {symbol.text}", column=symbol.column, hint="Use `in`.")
    elif symbol.text in _ORDERS:
        condition = _order(symbol.text, left, right)
    else:
        condition = _equal(left, right)
    node = Node("boolean", condition, left.column)
    return negate(node, left.column) if symbol.text == "!=" else node


def _never(call: RouteInput) -> bool:
    return False


def _equal(left: Node, right: Node) -> Condition:
    if left.is_literal and not right.is_literal:
        left, right = right, left
    read, read_right = left.read, right.read
    kinds = {left.kind, right.kind}
    if right.kind == "null":
        return lambda call: read(call) is None
    if kinds == {"wire", "number"}:
        number = right.value
        return lambda call: _to_number(read(call)) == number
    if kinds == {"wire", "boolean"}:
        first, second = (left, right) if left.kind == "wire" else (right, left)
        return lambda call: _to_boolean(first.read(call)) == second.read(call)
    if len(kinds) > 1 and kinds != {"text", "wire"}:
        return _never
    if right.is_literal:
        value = right.value
        return lambda call: read(call) == value
    return lambda call: read(call) == read_right(call)


def _order(symbol: str, left: Node, right: Node) -> Condition:
    if left.is_literal and not right.is_literal:
        left, right, symbol = right, left, _MIRRORED[symbol]
    holds, read, read_right = _ORDERS[symbol], left.read, right.read
    if right.kind == "number":
        number = cast(float, right.value)
        if left.kind == "number":
            return lambda call: holds(cast(float, left.value), number)

        def compare_numbers(call: RouteInput) -> bool:
            value = _to_number(read(call)) if left.kind == "wire" else None
            return value is not None and holds(value, number)

        return compare_numbers

    def compare_texts(call: RouteInput) -> bool:
        first, second = read(call), read_right(call)
        return isinstance(first, str) and isinstance(second, str) and holds(first, second)

    return compare_texts


def _member(symbol: Token, left: Node, right: Node) -> Condition:
    if right.kind != "list":
        raise ExpressionError(
            "Only a list can stand after `in`",
            column=right.column,
            hint="For a part of a text use contains(text, part).",
        )
    if left.kind == "list":
        raise ExpressionError("A list can't be in a list", column=symbol.column)
    read = left.read
    if right.is_literal:
        choices = [_equal(left, literal(item, right.column)) for item in cast("tuple[Value, ...]", right.value)]
        texts = frozenset(item for item in cast("tuple[Value, ...]", right.value) if isinstance(item, str))
        if len(texts) == len(choices):
            return lambda call: read(call) in texts
        return lambda call: any(choice(call) for choice in choices)
    read_right = right.read
    return lambda call: read(call) in cast(Sequence[object], read_right(call))


def call_function(name: Token, first: Node, second: Node) -> Node:
    """`name(first, second)`; raises ExpressionError when an argument can't be of use."""
    if first.kind not in (("text", "wire", "list") if name.text == "contains" else ("text", "wire")):
        raise ExpressionError(f"{name.text} can't look into a {first.kind}", column=first.column)
    if second.kind not in ("text", "wire"):
        raise ExpressionError(f"{name.text} needs a text as its second value", column=second.column)
    read, read_second = first.read, second.read
    if name.text == "matches":
        return Node("boolean", _matcher(first, second), name.column)
    if first.kind == "list":
        return Node("boolean", lambda call: read_second(call) in cast(Sequence[object], read(call)), name.column)
    test = {"startswith": str.startswith, "endswith": str.endswith, "contains": str.__contains__}[name.text]

    def look(call: RouteInput) -> bool:
        text, part = read(call), read_second(call)
        return isinstance(text, str) and isinstance(part, str) and test(text, part)

    return Node("boolean", look, name.column)


def _matcher(first: Node, second: Node) -> Condition:
    if not second.is_literal:
        raise ExpressionError("A pattern is a literal text", column=second.column)
    pattern = cast(str, second.value)
    try:
        search = compile_safe_pattern(pattern).search
    except ValueError as error:
        raise ExpressionError(
            f"The pattern {pattern!r} {error}",
            column=second.column,
            hint="Anchor it with ^, use fewer * and +, or use startswith, endswith and contains.",
        ) from error
    read = first.read

    def match(call: RouteInput) -> bool:
        text = read(call)
        return isinstance(text, str) and len(text) <= MAX_SUBJECT and search(text) is not None

    return match


def _to_number(value: object) -> float | None:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _to_boolean(value: object) -> bool | None:
    return _WIRE_BOOLEANS.get(value) if isinstance(value, str) else None
