"""Message content of the OpenTelemetry GenAI conventions: attributes, and every event that ever carried it.

Events come as span events or as log records of the same span; one reader for both. In the event's `attributes`
(span events, structured logs) or its `body` (deprecated per-message logs).
"""

from kaname.traces.coerce import first_text, json_object, structured, structured_items, to_text
from kaname.traces.dialects.dialect import Partial, payload_of
from kaname.traces.messages import (
    Message,
    finish_reasons_of,
    openai_message,
    parse_messages,
    system_message,
    text_message,
)
from kaname.traces.model import Attributes, AttributeValue, RawEvent
from kaname.traces.tool_definitions import canonical_tools

DETAIL_EVENTS = frozenset({"gen_ai.client.inference.operation.details", "gen_ai.client.operation.details"})
_INPUT_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_IDENTITY = ("gen_ai.system", "gen_ai.provider.name", "event.name")


def read_content(a: Attributes, found: Partial) -> None:
    """Content attributes into fields that are still empty."""
    if "input_messages" not in found and "input" not in found:
        _put(found, "input", a, ("gen_ai.input.messages", "gen_ai.prompt"))
    if "output_messages" not in found and "output" not in found:
        _put(found, "output", a, ("gen_ai.output.messages", "gen_ai.completion"))
    if "system" not in found and "gen_ai.system_instructions" in a:
        value = a["gen_ai.system_instructions"]
        if message := system_message(structured_items(value) or value):
            found["system"] = message
    if "tool_definitions" not in found and "gen_ai.tool.definitions" in a:
        tools = structured_items(a["gen_ai.tool.definitions"])
        if isinstance(tools, list) and tools:
            found["tool_definitions"] = canonical_tools(tools)
    if "finish_reasons" not in found and (reasons := finish_reasons_of(found.get("output_messages", []))):
        found["finish_reasons"] = reasons


def read_events(events: list[RawEvent], found: Partial) -> None:
    """Content of events into fields that attributes left empty."""
    into: list[Message] = []
    out: list[Message] = []
    for event in sorted(events, key=_time) if len(events) > 1 else events:
        name = event.name
        if not name.startswith("gen_ai."):
            continue
        if name in _INPUT_EVENTS:
            into.append(_message(_event_fields(event), _INPUT_EVENTS[name]))
        elif name == "gen_ai.choice":
            out.append(_choice(_event_fields(event)))
        elif name == "gen_ai.content.prompt":
            _put(found, "input", {**event.attributes, **json_object(event.body)}, ("gen_ai.prompt",))
        elif name == "gen_ai.content.completion":
            _put(found, "output", {**event.attributes, **json_object(event.body)}, ("gen_ai.completion",))
    if into and "input_messages" not in found:
        found["input_messages"] = into
        found.pop("input", None)
    if out and "output_messages" not in found:
        found["output_messages"] = out
        found.pop("output", None)
        if reasons := finish_reasons_of(out):
            found.setdefault("finish_reasons", reasons)


def _put(found: Partial, side: str, a: Attributes, keys: tuple[str, ...]) -> None:
    role = "user" if side == "input" else "assistant"
    for key in keys:
        value = a.get(key)
        if value is None or value == "":
            continue
        messages = parse_messages(structured_items(value), role=role)
        if not messages and key in ("gen_ai.prompt", "gen_ai.completion") and isinstance(value, str):
            messages = [text_message(role, value)]
        if side == "input":
            if messages:
                found["input_messages"] = messages
            elif payload := payload_of(value):
                found["input"] = payload
        elif messages:
            found["output_messages"] = messages
        elif payload := payload_of(value):
            found["output"] = payload
        return


def _event_fields(event: RawEvent) -> Attributes:
    """An event's own fields: its body, a JSON text in `gen_ai.event.content` (Azure), or its attributes."""
    fields = json_object(event.body) or json_object(event.attributes.get("gen_ai.event.content"))
    if fields:
        return fields
    fields = {k.removeprefix("gen_ai.event."): v for k, v in event.attributes.items() if k not in _IDENTITY}
    for key in ("message", "tool_calls"):
        if isinstance(value := fields.get(key), str) and (decoded := structured(value)) is not None:
            fields[key] = decoded
    if isinstance(event.body, str) and "content" not in fields:
        fields["content"] = event.body
    return fields


def _message(fields: dict[str, AttributeValue], role: str) -> Message:
    fields = {**fields, "role": to_text(fields.get("role")) or role}
    if role == "tool":
        fields["role"] = "tool"
        fields.setdefault("tool_call_id", fields.get("id"))
    return openai_message(fields, role)


def _choice(fields: dict[str, AttributeValue]) -> Message:
    inner = fields.get("message")
    if isinstance(inner, str):
        message = text_message("assistant", inner)
    else:
        message = openai_message({**fields, **json_object(inner)}, "assistant")
        message.pop("name", None)
    if reason := first_text(fields, "finish_reason"):
        message["finish_reason"] = reason
    return message


def _time(event: RawEvent) -> int:
    return event.time_ns
