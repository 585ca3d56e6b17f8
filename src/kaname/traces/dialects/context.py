"""Who, where and which version: the attributes that every dialect copies from its neighbours, in one order.

Reads session, user, tags, environment, version and release by the field order table of the normaliser (LF's, with
ours), from the span first and its resource second. Applies to every span.
"""

import re

from kaname.traces.coerce import first_text, text_list
from kaname.traces.dialects.dialect import Dialect, Partial
from kaname.traces.model import RawSpan

_SESSION = (
    "langfuse.session.id", "session.id", "gen_ai.conversation.id", "langfuse.trace.metadata.langfuse_session_id",
    "langfuse.observation.metadata.langfuse_session_id", "ai.telemetry.metadata.sessionId",
    "traceloop.association.properties.session_id", "lmnr.association.properties.session_id",
    "voltagent.conversation_id",
)  # fmt: skip
_USER = (
    "langfuse.user.id", "user.id", "langfuse.trace.metadata.langfuse_user_id",
    "langfuse.observation.metadata.langfuse_user_id", "ai.telemetry.metadata.userId",
    "traceloop.association.properties.user_id", "lmnr.association.properties.user_id", "llm.user", "enduser.id",
)  # fmt: skip
_TAGS = (
    "langfuse.trace.tags", "langfuse.tags", "langfuse.trace.metadata.langfuse_tags",
    "langfuse.observation.metadata.langfuse_tags", "ai.telemetry.metadata.tags", "tag.tags", "logfire.tags",
    "lmnr.association.properties.tags",
)  # fmt: skip
_ENVIRONMENT = ("langfuse.environment", "deployment.environment.name", "deployment.environment")

_ENVIRONMENT_CHARS = 40
_NOT_ENVIRONMENT = re.compile(r"[^a-z0-9_-]")


def read(span: RawSpan) -> Partial:
    """Session, user, tags, environment, version, release and general metadata."""
    attributes = span.attributes
    resource = span.scope.resource
    found: Partial = {}
    if session := first_text(attributes, *_SESSION):
        found["session_id"] = session
    if user := first_text(attributes, *_USER):
        found["user_id"] = user
    for key in _TAGS:
        if key in attributes and (tags := text_list(attributes[key])):
            found["tags"] = tags
            break
    environment = first_text(attributes, *_ENVIRONMENT) or first_text(resource, *_ENVIRONMENT)
    if environment:
        found["environment"] = environment_name(environment)
    if version := first_text(attributes, "langfuse.version") or first_text(resource, "service.version"):
        found["version"] = version
    if release := first_text(attributes, "langfuse.release") or first_text(resource, "langfuse.release"):
        found["release"] = release
    return found


def environment_name(name: str) -> str:
    """A valid environment name: lower case `[a-z0-9_-]`, 40 characters, no leading `langfuse`; else `default`."""
    name = name.strip().lower()
    while name.startswith("langfuse"):
        name = name.removeprefix("langfuse").lstrip("-_")
    if not name or len(name) > _ENVIRONMENT_CHARS or _NOT_ENVIRONMENT.search(name):
        return "default"
    return name


DIALECT = Dialect(name="context", read=read)
