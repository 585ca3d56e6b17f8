"""The hub's `tools`, `tool_choice` and `parallel_tool_calls` → Anthropic's `tools` and `tool_choice`."""

from typing import NamedTuple

from kaname.gateway.dialects.anthropic.models import ModelTraits
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import Losses, a_flag, a_list, a_name, a_text, an_object, invalid, unsupported

_FORCING = ("any", "tool")


class Toolbox(NamedTuple):
    """What the model may call. `choice` None: it is left out."""

    tools: list[Document]
    choice: Document | None

    @property
    def forced(self) -> bool:
        """Whether the model must call a tool."""
        return self.choice is not None and self.choice["type"] in _FORCING


class _Choice(NamedTuple):
    document: Document | None
    allowed: frozenset[str] | None
    """Only these tools may be called; None for all."""


def to_toolbox(chat: Document, called: list[str], traits: ModelTraits, losses: Losses) -> Toolbox:
    """The tools of a request. `called`: tools of the conversation, to be declared even when none is offered."""
    given = a_list(chat.get("tools") or [], "tools")
    tools = [_tool(item, f"tools[{i}]", traits, losses) for i, item in enumerate(given)]
    choice = _read_choice(chat.get("tool_choice"))
    if choice.allowed is not None:
        tools = [tool for tool in tools if tool["name"] in choice.allowed]
    document = choice.document
    forced = document is not None and document["type"] in _FORCING
    if not tools:
        if forced:
            raise invalid("tools", None, "the tools that `tool_choice` speaks of")
        declared: list[Document] = [{"name": name, "input_schema": _schema(None, "")} for name in called]
        return Toolbox(declared, {"type": "none"} if declared else None)
    if forced and not traits.forced_tools:
        raise unsupported("tool_choice", "this model can't be made to call a tool", "Use `auto`.")
    parallel = chat.get("parallel_tool_calls")
    if parallel is not None and not a_flag(parallel, "parallel_tool_calls"):
        document = document or {"type": "auto"}
        if document["type"] != "none":
            document = {**document, "disable_parallel_tool_use": True}
    return Toolbox(tools, document)


def _tool(item: object, path: str, traits: ModelTraits, losses: Losses) -> Document:
    given = an_object(item, path)
    if given.get("type") != "function":
        raise unsupported(f"{path}.type", f"it takes function tools only, not {str(given.get('type'))[:40]!r}")
    function = an_object(given.get("function"), f"{path}.function")
    tool: Document = {"name": a_name(function.get("name"), f"{path}.function.name")}
    description = function.get("description")
    if description:
        tool["description"] = a_text(description, f"{path}.function.description")
    tool["input_schema"] = _schema(function.get("parameters"), f"{path}.function.parameters")
    if a_flag(function.get("strict"), f"{path}.function.strict"):
        if traits.schemas:
            tool["strict"] = True
        else:
            losses.lose(f"{path}.function.strict", "this model doesn't hold to schemas")
    marker = given.get("cache_control") or function.get("cache_control")
    if marker is not None:
        tool["cache_control"] = an_object(marker, f"{path}.cache_control")
    return tool


def _schema(parameters: object, path: str) -> Document:
    if parameters is None:
        return {"type": "object", "properties": {}}
    schema = an_object(parameters, path)
    return schema if "type" in schema else {"type": "object", **schema}


def _read_choice(value: object) -> _Choice:
    if value is None:
        return _Choice(None, None)
    if value in ("auto", "none"):
        return _Choice({"type": str(value)}, None)
    if value == "required":
        return _Choice({"type": "any"}, None)
    if isinstance(value, str):
        raise invalid("tool_choice", value, "auto, none, required or an object")
    choice = an_object(value, "tool_choice")
    kind = choice.get("type")
    if kind == "function":
        function = an_object(choice.get("function"), "tool_choice.function")
        return _Choice({"type": "tool", "name": a_name(function.get("name"), "tool_choice.function.name")}, None)
    if kind == "allowed_tools":
        return _allowed(an_object(choice.get("allowed_tools"), "tool_choice.allowed_tools"))
    raise unsupported("tool_choice.type", f"it can't be {str(kind)[:40]!r}")


def _allowed(allowed: Document) -> _Choice:
    path = "tool_choice.allowed_tools"
    names: set[str] = set()
    for i, item in enumerate(a_list(allowed.get("tools"), f"{path}.tools")):
        where = f"{path}.tools[{i}].function"
        function = an_object(an_object(item, f"{path}.tools[{i}]").get("function"), where)
        names.add(a_name(function.get("name"), f"{where}.name"))
    forced = allowed.get("mode") == "required"
    return _Choice({"type": "any" if forced else "auto"}, frozenset(names))
