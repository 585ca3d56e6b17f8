"""Two tools: sums and days between dates.

The bundled model can't call tools (its template ignores them), so the application itself decides when one is needed,
by a pattern in the question. The trace shows that honestly: a tool span beside the model's, not one that the model
asked for.
"""

import ast
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

import kaname_sdk as kaname

_SUM = re.compile(r"[-+(]*\d[\d\s.+\-*/()]*[-+*/][\d\s.+\-*/()]*\d\)*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_MAX_LENGTH = 100


class ToolResult(NamedTuple):
    """What a tool found, as text for the model."""

    tool: str
    text: str


def use_tool(question: str) -> ToolResult | None:
    """Runs the tool that the question asks for, if any."""
    dates = _DATE.findall(question)
    if len(dates) == 2:
        return ToolResult("days_between", f"{days_between(dates[0], dates[1])} days")
    match = _SUM.search(question)
    if match is not None:
        expression = match.group().strip()
        return ToolResult("calculator", f"{expression} = {calculator(expression)}")
    return None


@kaname.observe(kind="tool")
def days_between(start: str, end: str) -> int:
    """Whole days from one ISO date to another."""
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


@kaname.observe(kind="tool")
def calculator(expression: str) -> str:
    """The value of a sum of numbers with + - * / and brackets; nothing else is evaluated."""
    if len(expression) > _MAX_LENGTH:
        raise ValueError(f"a sum of {len(expression)} characters is too long")
    value = _evaluate(ast.parse(expression, mode="eval").body)
    return str(int(value)) if value == int(value) else f"{value:.4g}"


def _evaluate(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluate(node.left), _evaluate(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    raise ValueError(f"{ast.unparse(node)!r} isn't a sum")
