"""Kaname's SDK: traces, sessions, users and scores of LLM applications over OpenTelemetry.

    import kaname_sdk as kaname

    @kaname.observe(kind="tool")
    def look_up(word: str) -> str: ...

    with kaname.session("s-1"), kaname.span("turn", input="…") as turn:
        turn.set_output(look_up("kaname"))
        turn.score("helpful", True, source="user")

It never raises into the application, never waits for the network in the caller's thread, and works with any OTLP back
end. Configuration: `instrument()`, `KANAME_URL` and `KANAME_SECRET_KEY`, or the standard `OTEL_*` variables.
"""

from kaname_sdk.context import metadata, session, tags, user
from kaname_sdk.gateway import gateway_headers
from kaname_sdk.observation import Kind, Observation, current_span_id, current_trace_id, span
from kaname_sdk.observe import observe
from kaname_sdk.openai_client import wrap
from kaname_sdk.runtime import VERSION, flush, instrument, shutdown
from kaname_sdk.scores import ScoreSource, score

__version__ = VERSION
__all__ = [
    "Kind",
    "Observation",
    "ScoreSource",
    "current_span_id",
    "current_trace_id",
    "flush",
    "gateway_headers",
    "instrument",
    "metadata",
    "observe",
    "score",
    "session",
    "shutdown",
    "span",
    "tags",
    "user",
    "wrap",
]
