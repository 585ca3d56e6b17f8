"""The one instrumented state of a process: tracer provider, exporter and score sender.

There is one because OpenTelemetry has one global provider; everything else in the SDK gets it from `get_runtime`. The
first use instruments from the environment; `instrument()` does it explicitly and may be called any number of times.
"""

import atexit
import threading
import urllib.parse
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

from kaname_sdk.config import Config, read_config
from kaname_sdk.context import ScopeProcessor
from kaname_sdk.encode import Mask
from kaname_sdk.faults import faults
from kaname_sdk.score_sender import ScoreSender

VERSION = "0.1.0"
_EXPORT_DELAY_MS = 500
_BATCH_SIZE = 512


@dataclass(frozen=True, slots=True)
class Runtime:
    """What spans are made with. `active` is False when there is nowhere to send them: then nothing is recorded."""

    config: Config
    tracer: Tracer
    provider: TracerProvider | None
    scores: ScoreSender | None
    active: bool
    samples_all: bool

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Sends what waits; False if it took too long or failed."""
        sent = self.provider.force_flush(int(timeout_s * 1000)) if self.provider is not None else True
        return (self.scores.flush(timeout_s) if self.scores is not None else True) and sent

    def shutdown(self) -> None:
        """Sends what waits and stops. Idempotent."""
        if self.scores is not None:
            self.scores.close()
        if self.provider is not None:
            self.provider.shutdown()


class _Holder:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runtime: Runtime | None = None
        self.retired: TracerProvider | None = None
        """Our own provider after `shutdown()`: OpenTelemetry keeps it as the global one, but it records nothing."""


_holder = _Holder()


def instrument(
    *,
    url: str | None = None,
    secret_key: str | None = None,
    service_name: str | None = None,
    environment: str | None = None,
    sample_rate: float | None = None,
    mask: Mask | None = None,
    capture: bool | None = None,
    max_text: int | None = None,
    max_queue: int | None = None,
    exporter: SpanExporter | None = None,
) -> Runtime:
    """Sets the process up; later calls return the first one's result. Never raises.

    `mask` sees every recorded string before it leaves the caller's thread. An existing global tracer provider of the
    OpenTelemetry SDK is extended, not replaced. `exporter` replaces the OTLP exporter (tests, other transports).
    """
    given: dict[str, object] = {
        "url": url,
        "secret_key": secret_key,
        "service_name": service_name,
        "environment": environment,
        "sample_rate": sample_rate,
        "capture": capture,
        "max_text": max_text,
        "max_queue": max_queue,
    }
    with _holder.lock:
        if _holder.runtime is None:
            with faults.guard("instrument()"):
                _holder.runtime = _build(read_config(given, mask), exporter)
            if _holder.runtime is None:
                _holder.runtime = _inactive(Config())
            atexit.register(_holder.runtime.shutdown)
        return _holder.runtime


def get_runtime() -> Runtime:
    """The process's runtime, made from the environment on first use."""
    return _holder.runtime or instrument()


def flush(timeout_s: float = 10.0) -> bool:
    """Sends what waits, e.g. before a serverless function freezes; False if it took too long. Never raises."""
    with faults.guard("flush()"):
        return get_runtime().flush(timeout_s)
    return False


def shutdown() -> None:
    """Sends what waits and stops; the next use instruments anew. Happens by itself at exit. Never raises."""
    with _holder.lock:
        runtime, _holder.runtime = _holder.runtime, None
        if runtime is not None and runtime.provider is not None:
            _holder.retired = runtime.provider
    if runtime is None:
        return
    atexit.unregister(runtime.shutdown)
    with faults.guard("shutdown()"):
        runtime.shutdown()


def _build(config: Config, exporter: SpanExporter | None) -> Runtime:
    present = trace.get_tracer_provider()
    foreign = isinstance(present, TracerProvider) and present is not _holder.retired
    if exporter is None and not config.has_destination:
        if isinstance(present, TracerProvider) and foreign:  # somebody else set OpenTelemetry up: use it as it is
            present.add_span_processor(ScopeProcessor())
            return _runtime(config, present, owned=False)
        faults.say_once(
            "destination", "no KANAME_URL and no OTEL_EXPORTER_OTLP_ENDPOINT is set: nothing is recorded or sent"
        )
        return _inactive(config)
    provider = present if isinstance(present, TracerProvider) and foreign else _new_provider(config)
    provider.add_span_processor(ScopeProcessor())
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter or _new_exporter(config),
            max_queue_size=config.max_queue,
            schedule_delay_millis=_EXPORT_DELAY_MS,
            max_export_batch_size=min(_BATCH_SIZE, config.max_queue),
        )
    )
    if not isinstance(present, TracerProvider):  # the global one can be set only once
        trace.set_tracer_provider(provider)
    return _runtime(config, provider, owned=provider is not present)


def _inactive(config: Config) -> Runtime:
    return Runtime(config, trace.NoOpTracer(), None, None, active=False, samples_all=False)


def _runtime(config: Config, provider: TracerProvider, *, owned: bool) -> Runtime:
    scores = ScoreSender(config.url, config.secret_key) if config.url else None
    tracer = provider.get_tracer("kaname-sdk", VERSION)
    return Runtime(
        config, tracer, provider, scores, active=True, samples_all=not owned or config.sample_rate in (None, 1.0)
    )


def _new_provider(config: Config) -> TracerProvider:
    described = {
        "service.name": config.service_name,
        "deployment.environment.name": config.environment,
        "telemetry.distro.name": "kaname-sdk",
        "telemetry.distro.version": VERSION,
    }
    # Resource.create adds OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME underneath.
    resource = Resource.create({k: v for k, v in described.items() if v})
    sampler = None if config.sample_rate is None else ParentBased(TraceIdRatioBased(config.sample_rate))
    return TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)


def _new_exporter(config: Config) -> SpanExporter:
    if not config.url:
        return OTLPSpanExporter()
    local = urllib.parse.urlsplit(config.url).hostname in ("127.0.0.1", "localhost", "::1")
    return OTLPSpanExporter(
        endpoint=f"{config.url}/v1/traces",
        headers={"Authorization": f"Bearer {config.secret_key}"},
        compression=Compression.NoCompression if local else Compression.Gzip,
    )
