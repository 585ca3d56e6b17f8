"""A decoded OTLP span of any dialect → the one row that is stored.

Pure: no clock, no database; the same span gives the same row, so that a time range can be normalised again. It runs
once per span on the worker's hot path. Which dialects apply is decided from the heads of the attribute keys, looked
at once; `bench/normalise` holds the budget.

Not here: what the attributes mean (`dialects/`), scores found on spans (`span_scores.py`), size limits and blobs (the
writer's).
"""

from decimal import Decimal
from typing import cast

from kaname.gateway.pricing.book import PriceBook
from kaname.kernel.money import quantize_cost
from kaname.kernel.registry import Registry
from kaname.kernel.text import cjk_bigrams, preview
from kaname.traces.coerce import dump_json, json_list, json_object, to_text
from kaname.traces.dialects.builtin import builtin_dialects
from kaname.traces.dialects.dialect import Dialect, Partial, Payload
from kaname.traces.messages import preview_text, with_system
from kaname.traces.model import CostSource, Level, RawEvent, RawSpan, Scope, SpanKind, SpanRow
from kaname.traces.providers import canonical_provider
from kaname.traces.usage import INCONSISTENT, Usage, total_input, total_output

_CHUNK_EVENT = "llm.content.completion.chunk"
_VECTOR = ".embedding.vector"
_JOINED = frozenset({"metadata", "flags", "kind"})


class Normaliser:
    """Normalises spans with one set of dialects and prices."""

    def __init__(self, prices: PriceBook, dialects: Registry[Dialect] | None = None) -> None:
        self._prices = prices
        registry = dialects or builtin_dialects()
        self._dialects = tuple(registry.get(name) for name in _merge_order(registry))
        self._known_heads = frozenset[str]().union(*(d.heads for d in self._dialects))
        self._known_keys = frozenset[str]().union(*(d.keys for d in self._dialects))
        self._scoped = frozenset[str]().union(*(d.scopes for d in self._dialects))
        self._applicable: dict[tuple[frozenset[str], frozenset[str], str], tuple[Dialect, ...]] = {}
        self._last_scope: tuple[Scope, str, str] | None = None

    def normalise(self, project_id: str, span: RawSpan, *, received_ns: int) -> SpanRow:
        """The row of a span. Never raises on what a sender may send."""
        found, dialects = self._read(span)
        kind = found["kind"].kind if "kind" in found else _default_kind(found)
        row = _base_row(project_id, span, kind, received_ns)
        row.dialects = dialects
        _put_context(row, span, found)
        _put_generation(row, found)
        _put_content(row, found)
        self._put_usage(row, found)
        self._put_raw(row, span)
        texts = f"{row.name} {row.status_message} {row.input} {row.output} {row.documents}"
        if not texts.isascii():
            row.search_cjk = cjk_bigrams(texts)
        return row

    def _read(self, span: RawSpan) -> tuple[Partial, list[str]]:
        """All partials merged, and the names of the dialects that found something."""
        merged: Partial = {}
        fields = cast("dict[str, object]", merged)
        names: list[str] = []
        for dialect in self._applicable_to(span):
            found = dialect.read(span)
            if not found:
                continue
            names.append(dialect.name)
            for key, value in found.items():
                if key not in _JOINED:
                    if value or key not in fields:
                        fields.setdefault(key, value)
                elif key == "kind":
                    if "kind" not in merged or found["kind"].rank < merged["kind"].rank:  # pyright: ignore[reportTypedDictNotRequiredAccess]
                        merged["kind"] = found["kind"]  # pyright: ignore[reportTypedDictNotRequiredAccess]
                elif key == "metadata":
                    merged["metadata"] = {**found.get("metadata", {}), **merged.get("metadata", {})}
                else:
                    merged["flags"] = [*merged.get("flags", []), *found.get("flags", [])]
        return merged, names

    def _applicable_to(self, span: RawSpan) -> tuple[Dialect, ...]:
        attributes = span.attributes
        heads = {key.partition(".")[0] for key in attributes}
        for event in span.events:
            heads.add(event.name.partition(".")[0])
        keys = self._known_keys.intersection(attributes)
        scope = span.scope.name if span.scope.name in self._scoped else ""
        signature = (self._known_heads & heads, keys, scope)
        dialects = self._applicable.get(signature)
        if dialects is None:
            dialects = tuple(
                d
                for d in self._dialects
                if not (d.heads or d.keys or d.scopes)
                or not d.heads.isdisjoint(signature[0])
                or not d.keys.isdisjoint(keys)
                or scope in d.scopes
            )
            # Bounded: senders choose which known names they combine, but few combinations occur.
            if len(self._applicable) < 4096:
                self._applicable[signature] = dialects
        return dialects

    def _put_usage(self, row: SpanRow, found: Partial) -> None:
        usage = found.get("usage") or Usage()
        row.usage_reported = usage.reported
        if found.get("is_aggregate"):
            return
        if not usage.consistent:
            row.flags.append(INCONSISTENT)
        row.usage = usage.buckets
        row.input_tokens = total_input(usage.buckets)
        row.output_tokens = total_output(usage.buckets)
        sent = found.get("sent_cost")
        if sent:
            total = sent.get("total")
            parts = {name: quantize_cost(amount) for name, amount in sent.items() if name != "total"}
            row.cost = parts
            row.cost_usd = quantize_cost(sum(parts.values(), Decimal()) if total is None else total)
            row.cost_source = "sent"
        elif usage.buckets:
            self._compute_cost(row)

    def _compute_cost(self, row: SpanRow) -> None:
        source: CostSource = "unpriced"
        for model in dict.fromkeys((row.response_model, row.request_model)):
            cost = model and self._prices.cost(row.provider, model, row.usage, row.start_ns, project_id=row.project_id)
            if cost:
                row.cost, row.cost_usd, row.price_id = cost.buckets, cost.total, cost.price_id
                source = "computed"
                break
        row.cost_source = source

    def _put_raw(self, row: SpanRow, span: RawSpan) -> None:
        attributes = span.attributes
        if row.kind == "embedding":
            attributes = {k: v for k, v in attributes.items() if not k.endswith(_VECTOR)}
        if attributes:
            row.attributes = dump_json(attributes)
        if span.events:
            row.events = _events_json(span.events)
        if span.links:
            row.links = dump_json(
                [
                    {"trace_id": link.trace_id, "span_id": link.span_id, "trace_state": link.trace_state,
                     "attributes": link.attributes}
                    for link in span.links
                ]
            )  # fmt: skip
        scope = span.scope
        last = self._last_scope
        if last is None or last[0] is not scope:
            resource = dump_json(scope.resource) if scope.resource else ""
            last = (scope, resource, dump_json(scope.attributes) if scope.attributes else "")
            self._last_scope = last
        row.resource, row.scope_attributes = last[1], last[2]


def _merge_order(registry: Registry[Dialect]) -> list[str]:
    """Built-ins in their order, then third-party dialects by name."""
    loaded = [name for name, _ in registry.items()]
    return [*loaded, *(name for name in registry.names() if name not in loaded)]


def _default_kind(found: Partial) -> SpanKind:
    """Rule 8 of the precedence table: a model name means a generation."""
    return "llm" if found.get("request_model") or found.get("response_model") else "span"


def _base_row(project_id: str, span: RawSpan, kind: SpanKind, received_ns: int) -> SpanRow:
    duration = span.end_ns - span.start_ns
    scope = span.scope
    row = SpanRow(
        project_id=project_id,
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        name=span.name,
        kind=kind,
        otel_kind=span.otel_kind,
        start_ns=span.start_ns,
        duration_ns=max(duration, 0),
        status=span.status,
        status_message=span.status_message,
        is_root=not span.parent_span_id,
        service_name=to_text(scope.resource.get("service.name")),
        scope_name=scope.name,
        scope_version=scope.version,
        schema_url=scope.schema_url,
        trace_state=span.trace_state,
        trace_flags=span.flags,
        dropped_attributes=span.dropped_attributes,
        dropped_events=span.dropped_events,
        dropped_links=span.dropped_links,
        received_ns=received_ns,
    )
    if duration < 0:
        row.flags.append("end_before_start")
    return row


def _put_context(row: SpanRow, span: RawSpan, found: Partial) -> None:
    get = found.get
    row.environment = get("environment", "default")
    row.version = get("version", "")
    row.release = get("release", "")
    row.session_id = get("session_id", "")
    row.user_id = get("user_id", "")
    row.tags = get("tags", [])
    row.metadata = get("metadata", {})
    row.external_id = get("external_id", "")
    if get("is_root"):
        row.is_root = True
    level: Level = get("level", "default")
    error_type = span.attributes.get("error.type")
    row.level = "error" if row.status == "error" or error_type else level
    if not row.status_message:
        row.status_message = get("status_message", "")
    if row.level == "error" and not row.status_message:
        row.status_message = _exception_message(span.events) or to_text(error_type)
    row.flags.extend(get("flags", []))


def _exception_message(events: list[RawEvent]) -> str:
    for event in events:
        if event.name == "exception":
            attributes = event.attributes
            return to_text(attributes.get("exception.message") or attributes.get("exception.type"))
    return ""


def _put_generation(row: SpanRow, found: Partial) -> None:
    get = found.get
    row.operation = get("operation", "")
    if provider := get("provider", ""):
        row.provider = canonical_provider(provider)
    row.request_model = get("request_model", "")
    row.response_model = get("response_model", "")
    row.model = row.response_model or row.request_model
    row.response_id = get("response_id", "")
    if parameters := get("model_parameters"):
        row.model_parameters = dump_json(parameters)
    row.finish_reasons = get("finish_reasons", [])
    if row.kind == "llm":
        row.prompt_name = get("prompt_name", "")
        row.prompt_version = get("prompt_version", "")
    row.agent_name = get("agent_name", "")
    row.tool_name = get("tool_name", "")
    row.tool_call_id = get("tool_call_id", "")
    row.time_to_first_token_ns = get("time_to_first_token_ns")


def _put_content(row: SpanRow, found: Partial) -> None:
    get = found.get
    messages = get("input_messages")
    system = get("system")
    if messages or (system and "input" not in found):
        messages = with_system(messages or [], system)
        row.input, row.input_format = dump_json(messages), "messages"
        row.input_preview = preview(preview_text(messages, of_input=True))
    elif payload := get("input"):
        row.input, row.input_format = payload.text, "json" if payload.is_json else "text"
        row.input_preview = preview(_readable(payload))
    if messages := get("output_messages"):
        row.output, row.output_format = dump_json(messages), "messages"
        row.output_preview = preview(preview_text(messages, of_input=False))
    elif payload := get("output"):
        row.output, row.output_format = payload.text, "json" if payload.is_json else "text"
        row.output_preview = preview(_readable(payload))
    if tools := get("tool_definitions"):
        row.tool_definitions = dump_json(tools)
    if documents := get("documents"):
        row.documents = dump_json(documents)
        if not row.output_preview and isinstance(first := documents[0], dict):
            row.output_preview = preview(to_text(first.get("content")))


def _readable(payload: Payload) -> str:
    """A payload as shown in a list: decorators send their arguments as `{"args": […], "kwargs": {…}}`."""
    if payload.is_json and payload.text.startswith('{"args"'):
        call = json_object(payload.text)
        arguments = json_list(call.get("args"))
        named = json_object(call.get("kwargs"))
        if call.keys() == {"args", "kwargs"} and (arguments or named):
            return ", ".join([*map(to_text, arguments), *(f"{k}={to_text(v)}" for k, v in named.items())])
    return payload.text


def _events_json(events: list[RawEvent]) -> str:
    """Events as stored. One event a streamed chunk (Traceloop) says nothing that the output doesn't."""
    kept: list[dict[str, object]] = []
    for event in events:
        if event.name == _CHUNK_EVENT:
            continue
        item: dict[str, object] = {"name": event.name, "time_ns": event.time_ns, "attributes": event.attributes}
        if event.body is not None:
            item["body"] = event.body
        kept.append(item)
    return dump_json(kept) if kept else ""
