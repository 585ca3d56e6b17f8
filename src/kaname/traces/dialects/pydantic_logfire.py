"""Pydantic AI and Logfire, beyond the GenAI conventions that both follow.

An agent run repeats the usage of its model calls, so it is an aggregate. Message events come as one JSON list
(`all_messages_events`, `events`) whose items name themselves in `event.name`.
"""

from kaname.traces.coerce import first_text, json_list, parse_json, structured, to_text
from kaname.traces.dialects.dialect import Dialect, Partial, claim, payload_of
from kaname.traces.messages import Message, openai_message, parse_messages
from kaname.traces.model import AttributeValue, RawSpan
from kaname.traces.stream_outputs import is_stream_output

_SCOPES = frozenset({"pydantic-ai", "logfire.openai", "logfire.anthropic"})
_ROLES = {
    "gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}  # fmt: skip


def read(span: RawSpan) -> Partial:
    """Fields of `pydantic_ai.*`, `logfire.*` and Pydantic AI's bare names."""
    a = span.attributes
    found: Partial = {}
    if agent := first_text(a, "agent_name", "gen_ai.agent.name"):
        found["agent_name"] = agent
    if span.scope.name == "pydantic-ai" and ("agent_name" in a or "final_result" in a):
        found["kind"] = claim("quirk", "agent")
        found["is_aggregate"] = True
    if is_stream_output(span):
        found["kind"] = claim("stream_output", "event")
    all_messages = structured(a.get("pydantic_ai.all_messages"))
    if messages := parse_messages(all_messages, role="user"):
        found["input_messages"] = messages
        if messages[-1]["role"] == "assistant":
            found["input_messages"], found["output_messages"] = messages[:-1], messages[-1:]
    for key in ("all_messages_events", "events"):
        if "input_messages" not in found and key in a:
            _read_event_list(a[key], found)
    if payload := payload_of(a.get("final_result")):
        found["output"] = payload
    for key in ("pydantic_ai.tool_arguments", "tool_arguments", "prompt"):
        if payload := payload_of(a.get(key)):
            found.setdefault("input", payload)
    for key in ("pydantic_ai.tool_response", "tool_response"):
        if payload := payload_of(a.get(key)):
            found.setdefault("output", payload)
    request = structured(a.get("request_data"))
    if "input_messages" not in found and (messages := parse_messages(request, role="user")):
        found["input_messages"] = messages
    response = structured(a.get("response_data"))
    if isinstance(response, dict):
        message = response.get("message")
        parsed = parse_messages(message if isinstance(message, dict) else response, role="assistant")
        if parsed:
            found["output_messages"] = parsed
    return found


def _read_event_list(value: AttributeValue, found: Partial) -> None:
    into: list[Message] = []
    out: list[Message] = []
    items = json_list(value)
    for item in items:
        if not isinstance(item, dict):
            continue
        name = to_text(item.get("event.name"))
        if name in _ROLES:
            fields = {k: v for k, v in item.items() if not k.startswith(("event.", "gen_ai."))}
            if name == "gen_ai.tool.message":
                fields.setdefault("tool_call_id", fields.get("id"))
            into.append(openai_message({**fields, "role": _ROLES[name]}))
        elif name == "gen_ai.choice":
            inner = item.get("message")
            decoded = parse_json(inner) if isinstance(inner, str) else inner
            out.extend(parse_messages(decoded if isinstance(decoded, dict) else None, role="assistant"))
    if not out and into and into[-1]["role"] == "assistant":
        into, out = into[:-1], into[-1:]
    if into:
        found["input_messages"] = into
    if out:
        found["output_messages"] = out


DIALECT = Dialect(
    name="pydantic_logfire",
    read=read,
    heads=frozenset({"pydantic_ai", "logfire"}),
    keys=frozenset({"all_messages_events", "events", "final_result", "tool_arguments", "tool_response"}),
    scopes=_SCOPES,
)
