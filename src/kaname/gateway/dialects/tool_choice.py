"""Reads the hub's `tools` and `tool_choice` for the formats that say them in other words."""

from typing import Literal, NamedTuple

from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import a_flag, a_list, a_name, a_text, an_object, invalid, unsupported

Mode = Literal["auto", "none", "required"]


class FunctionTool(NamedTuple):
    """A tool that the model may call."""

    name: str
    description: str
    parameters: Document | None
    """JSON Schema; None for a function without parameters."""
    strict: bool
    marked: bool
    """Whether a cache marker stands at it."""


class ToolChoice(NamedTuple):
    """What the model may or must call. `only`: these tools and no other; () for all."""

    mode: Mode
    only: tuple[str, ...] = ()
    given: bool = True
    """False: the request doesn't say."""


class Tools(NamedTuple):
    """What a request says of tools."""

    functions: list[FunctionTool]
    choice: ToolChoice
    parallel: bool


def read_tools(chat: Document) -> Tools:
    """Raises InvalidInputError with the path of what is wrong or unknown."""
    functions = [_function(item, f"tools[{i}]") for i, item in enumerate(a_list(chat.get("tools") or [], "tools"))]
    choice = _choice(chat.get("tool_choice"))
    if not functions and choice.mode == "required":
        raise invalid("tools", None, "the tools that `tool_choice` speaks of")
    parallel = chat.get("parallel_tool_calls")
    return Tools(functions, choice, parallel is None or a_flag(parallel, "parallel_tool_calls"))


def _function(item: object, path: str) -> FunctionTool:
    tool = an_object(item, path)
    if tool.get("type") != "function":
        raise unsupported(f"{path}.type", f"it takes function tools only, not {str(tool.get('type'))[:40]!r}")
    function = an_object(tool.get("function"), f"{path}.function")
    parameters = function.get("parameters")
    return FunctionTool(
        name=a_name(function.get("name"), f"{path}.function.name"),
        description=a_text(function.get("description") or "", f"{path}.function.description"),
        parameters=None if parameters is None else an_object(parameters, f"{path}.function.parameters"),
        strict=a_flag(function.get("strict"), f"{path}.function.strict"),
        marked=(tool.get("cache_control") or function.get("cache_control")) is not None,
    )


def _choice(value: object) -> ToolChoice:
    if value is None:
        return ToolChoice("auto", given=False)
    if value == "auto":
        return ToolChoice("auto")
    if value == "none":
        return ToolChoice("none")
    if value == "required":
        return ToolChoice("required")
    if isinstance(value, str):
        raise invalid("tool_choice", value, "auto, none, required or an object")
    choice = an_object(value, "tool_choice")
    kind = choice.get("type")
    if kind == "function":
        function = an_object(choice.get("function"), "tool_choice.function")
        return ToolChoice("required", (a_name(function.get("name"), "tool_choice.function.name"),))
    if kind == "allowed_tools":
        path = "tool_choice.allowed_tools"
        allowed = an_object(choice.get("allowed_tools"), path)
        names: list[str] = []
        for i, item in enumerate(a_list(allowed.get("tools"), f"{path}.tools")):
            where = f"{path}.tools[{i}].function"
            function = an_object(an_object(item, f"{path}.tools[{i}]").get("function"), where)
            names.append(a_name(function.get("name"), f"{where}.name"))
        return ToolChoice("required" if allowed.get("mode") == "required" else "auto", tuple(names))
    raise unsupported("tool_choice.type", f"it can't be {str(kind)[:40]!r}")
