"""Renders an error for the surface that was called, whatever the upstream's own words were."""

from kaname.gateway.answer import PassedError
from kaname.gateway.anthropic_errors import render_anthropic
from kaname.gateway.openai_errors import ErrorReply, WireError
from kaname.gateway.surfaces import ErrorStyle


def as_wire(reply: ErrorReply) -> WireError:
    """An error as fields."""
    if isinstance(reply, WireError):
        return reply
    if isinstance(reply, PassedError):
        return reply.as_wire()
    return WireError(reply.status, reply.type, reply.code, reply.message, None, reply.headers)


def render_error(reply: ErrorReply, style: ErrorStyle, request_id: str) -> bytes:
    """The JSON document of an error. An upstream's own error in the same style is passed byte for byte."""
    if isinstance(reply, PassedError) and reply.style == style:
        return reply.content
    wire = as_wire(reply)
    return render_anthropic(wire, request_id) if style == "anthropic" else wire.body()
