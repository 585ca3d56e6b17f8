"""The `when` of a route: a condition over one call, parsed once and compiled into closures. Never `eval`.

    or:         and ("or" and)*            and:   not ("and" not)*            not:  "not" not | comparison
    comparison: value (("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") value)?
    value:      "text" | 1.5 | true | false | null | [value, …] | name | function(value, value) | "(" or ")"

Names: model, surface, stream, key (its name), key_id, session_id, user_id, tags, metadata.<key>, headers.<name>.
Functions: startswith, endswith, contains (part of a text, or member of a list), matches (a pattern of
`safe_pattern.py`, searched).

Invariants: a compiled condition never raises; what is missing is null; values of different types are unequal and in
no order, and != is exactly `not ==`. Metadata and headers arrive as text, so they compare with a number or true/false
by what that text says.
"""

import difflib

from kaname.gateway.routing.expression_nodes import (
    CONSTANTS,
    FUNCTIONS,
    NAMES,
    Condition,
    Node,
    as_condition,
    both,
    call_function,
    compare,
    either,
    literal,
    named,
    negate,
)
from kaname.gateway.routing.expression_tokens import ExpressionError, Token, tokenize

MAX_EXPRESSION = 2000
_MAX_DEPTH = 32
_MAX_ITEMS = 200
_OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_RESERVED = frozenset({"and", "or", "not", "in"})


def compile_expression(text: str) -> Condition:
    """Compile a condition; raises ExpressionError with the column."""
    if len(text) > MAX_EXPRESSION:
        raise ExpressionError(f"A condition has at most {MAX_EXPRESSION} characters", column=MAX_EXPRESSION)
    parser = _Parser(tokenize(text))
    node = parser.parse_or()
    rest = parser.take()
    if rest.kind != "end":
        raise ExpressionError(f"{rest.text!r} is one word too many", column=rest.column, hint="Join with and, or.")
    return as_condition(node)


class _Parser:
    """Recursive descent over the tokens; `_depth` bounds the recursion."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def take(self) -> Token:
        token = self._tokens[self._place]
        if token.kind != "end":
            self._place += 1
        return token

    def parse_or(self) -> Node:
        node = self._parse_and()
        while self._accept("or"):
            node = either(node, self._parse_and())
        return node

    def _parse_and(self) -> Node:
        node = self._parse_not()
        while self._accept("and"):
            node = both(node, self._parse_not())
        return node

    def _parse_not(self) -> Node:
        token = self._tokens[self._place]
        if not self._accept("not"):
            return self._parse_comparison()
        self._enter(token)
        node = negate(self._parse_not(), token.column)
        self._depth -= 1
        return node

    def _parse_comparison(self) -> Node:
        left = self._parse_value()
        token = self._tokens[self._place]
        negated = token.kind == "name" and token.text == "not" and self._tokens[self._place + 1].text == "in"
        if negated:
            self._place += 1
        symbol = self._tokens[self._place]
        if symbol.kind not in ("symbol", "name") or symbol.text not in _OPERATORS:
            return left
        self._place += 1
        node = compare(symbol, left, self._parse_value())
        if negated:
            node = negate(node, token.column)
        following = self._tokens[self._place]
        if following.kind != "text" and following.text in _OPERATORS:
            raise ExpressionError(
                "A comparison has two sides", column=following.column, hint="Join two comparisons with and."
            )
        return node

    def _parse_value(self) -> Node:
        token = self.take()
        if token.kind == "text":
            return literal(token.text, token.column)
        if token.kind == "number":
            return literal(float(token.text), token.column)
        if token.kind == "name" and token.text not in _RESERVED:
            return self._parse_name(token)
        if token.kind == "symbol" and token.text == "(":
            self._enter(token)
            node = self.parse_or()
            self._expect(")", token)
            self._depth -= 1
            return node
        if token.kind == "symbol" and token.text == "[":
            items = self._parse_items("]", token)
            values = [item.value for item in items if item.is_literal and not isinstance(item.value, tuple)]
            if len(values) < len(items):
                raise ExpressionError("A list holds literals only", column=token.column)
            return literal(tuple(values), token.column)
        found = "the end" if token.kind == "end" else repr(token.text)
        raise ExpressionError(f"Expected a value and found {found}", column=token.column)

    def _parse_name(self, token: Token) -> Node:
        name = token.text
        if name in CONSTANTS:
            return literal(CONSTANTS[name], token.column)
        node = named(name, token.column)
        if node is not None:
            return node
        if name in FUNCTIONS and self._accept("("):
            arguments = self._parse_items(")", token)
            if len(arguments) != 2:
                raise ExpressionError(f"{name} takes two values, not {len(arguments)}", column=token.column)
            return call_function(token, arguments[0], arguments[1])
        known = [*NAMES, *CONSTANTS, *FUNCTIONS, "metadata.<key>", "headers.<name>"]
        near = difflib.get_close_matches(name, known, n=2)
        raise ExpressionError(
            f"There is no name {name!r} in a condition",
            column=token.column,
            hint=f"Did you mean {' or '.join(near)}?" if near else f"Names: {', '.join(known)}.",
        )

    def _parse_items(self, closing: str, opening: Token) -> list[Node]:
        self._enter(opening)
        items: list[Node] = []
        while not self._accept(closing):
            if items:
                self._expect(",", opening)
            items.append(self._parse_value())
            if len(items) > _MAX_ITEMS:
                raise ExpressionError(f"A list has at most {_MAX_ITEMS} items", column=opening.column)
        self._depth -= 1
        return items

    def _accept(self, text: str) -> bool:
        token = self._tokens[self._place]
        if token.text != text or token.kind not in ("symbol", "name"):
            return False
        self._place += 1
        return True

    def _expect(self, text: str, opening: Token) -> None:
        if not self._accept(text):
            found = self._tokens[self._place]
            raise ExpressionError(
                f"Expected {text!r} and found {found.text or 'the end'!r}",
                column=found.column,
                hint=f"It belongs to {opening.text!r} in column {opening.column}.",
            )

    def _enter(self, token: Token) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExpressionError(f"A condition is nested at most {_MAX_DEPTH} deep", column=token.column)
