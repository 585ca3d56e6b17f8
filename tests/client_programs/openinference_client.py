"""The conversation through OpenInference's instrumentation of the `openai` client."""

from openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from client_calls import make_calls

provider = TracerProvider(resource=Resource({"service.name": "weather-bot"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
with using_attributes(session_id="session-1", user_id="user-1", tags=["recorded"], metadata={"plan": "pro"}):
    make_calls(OpenAI())
provider.shutdown()
