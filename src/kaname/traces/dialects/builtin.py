"""The built-in dialects in their merge order: for every field, the first that found something wins."""

from kaname.kernel.registry import Registry
from kaname.traces.dialects import (
    context,
    frameworks,
    gateway,
    langfuse,
    mlflow,
    openinference,
    otel_genai,
    pydantic_logfire,
    traceloop,
    vercel,
)
from kaname.traces.dialects.dialect import Dialect

_ORDER = (
    context.DIALECT,
    gateway.DIALECT,
    langfuse.DIALECT,
    vercel.DIALECT,
    otel_genai.DIALECT,
    pydantic_logfire.DIALECT,
    mlflow.DIALECT,
    openinference.DIALECT,
    traceloop.DIALECT,
    frameworks.DIALECT,
)


def builtin_dialects() -> Registry[Dialect]:
    """A registry of the built-in dialects; third-party ones come after them."""
    registry: Registry[Dialect] = Registry("dialect")
    for dialect in _ORDER:
        registry.register(dialect.name, dialect)
    return registry
