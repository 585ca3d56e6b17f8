"""Tool definitions of every provider → the OpenTelemetry GenAI shape `{type, name, description?, parameters?}`.

A definition of an unknown shape (built-in tools such as web search) is kept as it is.
"""

from collections.abc import Iterable

from kaname.traces.coerce import structured
from kaname.traces.model import AttributeValue


def canonical_tools(tools: Iterable[AttributeValue], *, grouped: bool = False) -> list[AttributeValue]:
    """Canonical definitions, in order. Each may be an object or its JSON."""
    canonical: list[AttributeValue] = []
    for item in tools:
        tool = structured(item)
        if isinstance(tool, dict):
            declarations = tool.get("functionDeclarations") or tool.get("function_declarations")
            if isinstance(declarations, list) and not grouped:  # Gemini groups them, one level deep
                canonical.extend(canonical_tools(declarations, grouped=True))
            else:
                canonical.append(_canonical(tool))
        elif item:
            canonical.append(item)
    return canonical


def _canonical(tool: dict[str, AttributeValue]) -> AttributeValue:
    function = tool.get("function")
    inner = function if isinstance(function, dict) else tool
    spec = inner.get("toolSpec")
    if isinstance(spec, dict):  # Bedrock Converse
        inner = spec
    name = inner.get("name")
    if not isinstance(name, str):
        return tool
    kind = tool.get("type")
    rest = {k: v for k, v in inner.items() if k not in ("type", "name") and k not in _SCHEMAS}
    canonical: dict[str, AttributeValue] = {"type": kind if isinstance(kind, str) else "function", "name": name, **rest}
    for key in _SCHEMAS:
        if key in inner:
            schema = inner[key]
            inner_json = schema.get("json") if isinstance(schema, dict) else None
            canonical["parameters"] = inner_json or structured(schema) or schema
            break
    return canonical


_SCHEMAS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema")
