"""The conversation through the official OpenTelemetry instrumentation; its environment decides where content goes."""

from openai import OpenAI
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from client_calls import make_calls

try:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
except ImportError:  # its predecessor, for recordings of installed bases
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

resource = Resource({"service.name": "weather-bot", "deployment.environment.name": "staging"})
tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
loggers = LoggerProvider(resource=resource)
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
set_logger_provider(loggers)
OpenAIInstrumentor().instrument(tracer_provider=tracers, logger_provider=loggers)
make_calls(OpenAI())
tracers.shutdown()
loggers.shutdown()
