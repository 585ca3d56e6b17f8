"""A log record that belongs to a span: GenAI content, exceptions and evaluations sent as OpenTelemetry logs."""

from dataclasses import dataclass, field

from kaname.traces.model import Attributes, AttributeValue, RawEvent, Scope


@dataclass(slots=True, kw_only=True)
class LogRecord:
    """A decoded record with valid ids (lower-case hex)."""

    trace_id: str
    span_id: str = ""
    time_ns: int
    event_name: str = ""
    severity: str = ""
    body: AttributeValue = None
    attributes: Attributes = field(default_factory=dict[str, AttributeValue])
    scope: Scope = field(default_factory=Scope)

    def as_event(self) -> RawEvent:
        """The record as the span event that dialects read: both carry the same GenAI events."""
        return RawEvent(name=self.event_name, time_ns=self.time_ns, attributes=self.attributes, body=self.body)


CONTENT_EVENTS = frozenset(
    {
        "gen_ai.client.inference.operation.details",
        "gen_ai.system.message",
        "gen_ai.user.message",
        "gen_ai.assistant.message",
        "gen_ai.tool.message",
        "gen_ai.choice",
        "gen_ai.content.prompt",
        "gen_ai.content.completion",
        "exception",
    }
)
"""Event names whose record is content or the error of its span."""
EVALUATION_EVENT = "gen_ai.evaluation.result"
EVENT_NAME_ATTRIBUTE = "event.name"
"""Where the event name stood before log records had a field for it."""
