"""One traced step: the `with span(...)` block, and what `@observe` uses underneath.

Starting and ending write all attributes in one call each and skip OpenTelemetry's generator-based context manager: that
is what keeps the SDK as cheap as hand-written OpenTelemetry although it records inputs and outputs (`bench/sdk`).
"""

from collections.abc import Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import Literal, get_args

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, Status, StatusCode

from kaname_sdk.encode import JSON, encode, mask_text
from kaname_sdk.faults import faults
from kaname_sdk.runtime import Runtime, get_runtime
from kaname_sdk.scores import ScoreSource, score

Kind = Literal["span", "agent", "tool", "chain", "retriever", "reranker", "llm", "embedding", "guardrail", "evaluator"]
KINDS: tuple[Kind, ...] = get_args(Kind)
AttributeMap = dict[str, str | int | float | bool | Sequence[str]]
_OPERATIONS = {"tool": "execute_tool", "agent": "invoke_agent", "retriever": "retrieval", "embedding": "embeddings"}
_NAME_ATTRIBUTES = {"tool": "gen_ai.tool.name", "agent": "gen_ai.agent.name"}
_MAX_MESSAGE = 2_000
_STARTING, _ENDING = faults.guard("starting a span"), faults.guard("ending a span")


def kind_attributes(kind: Kind, name: str) -> AttributeMap:
    """Attributes that tell any back end what the step is: OpenInference's kind and OpenTelemetry's operation."""
    if kind == "span":
        return {}
    attributes: AttributeMap = {"openinference.span.kind": kind.upper()}
    if kind in _OPERATIONS:
        attributes["gen_ai.operation.name"] = _OPERATIONS[kind]
    if kind in _NAME_ATTRIBUTES:
        attributes[_NAME_ATTRIBUTES[kind]] = name
    return attributes


class Observation:
    """A running step. Its methods never raise, and do nothing when nothing is recorded."""

    __slots__ = ("_attributes", "_runtime", "_token", "span")

    def __init__(self, runtime: Runtime, span: Span) -> None:
        self.span = span
        """The OpenTelemetry span, for anything that isn't here."""
        self._runtime = runtime
        self._token: Token[Context] | None = None
        self._attributes: AttributeMap = {}

    @property
    def trace_id(self) -> str:
        """32 hex digits; all zero when nothing is recorded."""
        return f"{self.span.get_span_context().trace_id:032x}"

    @property
    def span_id(self) -> str:
        """16 hex digits; all zero when nothing is recorded."""
        return f"{self.span.get_span_context().span_id:016x}"

    def set_input(self, value: object) -> None:
        """Records what went in; replaces captured arguments."""
        self._record("input", value)

    def set_output(self, value: object) -> None:
        """Records what came out; replaces the captured result."""
        self._record("output", value)

    def set_documents(self, documents: Sequence[Mapping[str, object]]) -> None:
        """Records retrieved documents: `{id, score, content, metadata}` each."""
        if self._runtime.config.capture and self.span.is_recording():
            config = self._runtime.config
            self._attributes["gen_ai.retrieval.documents"] = encode(documents, config.max_text, config.mask).text

    def set_attributes(self, attributes: Mapping[str, str | int | float | bool | Sequence[str]]) -> None:
        """Adds attributes of your own."""
        self._attributes.update(attributes)

    def score(
        self, name: str, value: float | bool | str, *, source: ScoreSource = "code", explanation: str = ""
    ) -> str | None:
        """Scores this step; see `kaname_sdk.score`."""
        return score(name, value, source=source, explanation=explanation, trace_id=self.trace_id, span_id=self.span_id)

    def _record(self, side: Literal["input", "output"], value: object) -> None:
        config = self._runtime.config
        if not config.capture or not self.span.is_recording():
            return
        text, mime_type = encode(value, config.max_text, config.mask)
        self._attributes[f"{side}.value"] = text
        if mime_type == JSON:
            self._attributes[f"{side}.mime_type"] = mime_type

    def make_current(self) -> None:
        """Spans started from here on in this thread or task are children."""
        self._token = otel_context.attach(trace.set_span_in_context(self.span))

    def leave(self) -> None:
        """Undoes `make_current`."""
        token, self._token = self._token, None
        if token is not None:
            otel_context.detach(token)

    def end(self, error: BaseException | None = None) -> None:
        """Writes what was collected and ends the span."""
        with _ENDING:
            if self._attributes:
                self.span.set_attributes(self._attributes)
            if error is not None:
                self._record_error(error)
            self.span.end()

    def _record_error(self, error: BaseException) -> None:
        if isinstance(error, GeneratorExit | StopIteration | StopAsyncIteration):
            return  # how iteration ends, not a failure
        mask = self._runtime.config.mask
        message = mask_text(str(error), mask, _MAX_MESSAGE)
        if mask is None:
            self.span.record_exception(error)
        else:  # a traceback quotes the message, so it stays out
            self.span.add_event("exception", {"exception.type": type(error).__name__, "exception.message": message})
        self.span.set_attributes({"error.type": type(error).__qualname__})
        self.span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {message}"))


def begin(
    name: str, attributes: AttributeMap, *, inputs: object = None, has_inputs: bool = False
) -> Observation | None:
    """Starts a step that isn't current yet; None if nothing is recorded or the SDK itself failed."""
    with _STARTING:
        runtime = get_runtime()
        if not runtime.active:
            return None
        capture = has_inputs and runtime.config.capture
        if capture and runtime.samples_all:
            text, mime_type = encode(inputs, runtime.config.max_text, runtime.config.mask)
            attributes = {**attributes, "input.value": text}
            if mime_type == JSON:
                attributes["input.mime_type"] = mime_type
            return Observation(runtime, runtime.tracer.start_span(name, attributes=attributes))
        observation = Observation(runtime, runtime.tracer.start_span(name, attributes=attributes))
        if capture:
            observation.set_input(inputs)  # encodes only if this span is sampled
        return observation
    return None


class span:  # noqa: N801 - used like a function: `with span("step") as s:`
    """`with span("name", kind="chain", input=…) as step:` traces a block. Works in `async` code too; reusable."""

    def __init__(self, name: str, *, kind: Kind = "span", input: object = None) -> None:  # noqa: A002
        self._name = name
        self._attributes = kind_attributes(kind, name) if kind in KINDS else {}
        self._input = input
        self._open: list[Observation] = []

    def __enter__(self) -> Observation:
        step = begin(self._name, self._attributes, inputs=self._input, has_inputs=self._input is not None)
        if step is None:
            step = Observation(get_runtime(), INVALID_SPAN)
        else:
            step.make_current()
        self._open.append(step)
        return step

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        step = self._open.pop()
        step.leave()
        step.end(error)


def current_trace_id() -> str | None:
    """The trace that the caller is in, or None."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def current_span_id() -> str | None:
    """The span that the caller is in, or None."""
    context = trace.get_current_span().get_span_context()
    return f"{context.span_id:016x}" if context.is_valid else None
