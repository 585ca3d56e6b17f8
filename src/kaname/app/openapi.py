"""Completes FastAPI's OpenAPI document: path parameters that a scope reads by itself, and the errors that are answered.

`project_scope` and `organization_scope` take their ids from the request, because some routes name no project in the
path; clients generated from the document need the parameters all the same. FastAPI declares its own 422 for wrong
input, which `app.problem` never answers.
"""

import re
from typing import Any

from kaname.app.problem import MEDIA_TYPE
from kaname.app.root import LANGFUSE_PREFIX

_PLACEHOLDER = re.compile(r"{(\w+)}")
_METHODS = frozenset({"get", "put", "post", "patch", "delete"})


def declare_path_parameters(schema: dict[str, Any]) -> dict[str, Any]:
    """Adds a string parameter for every placeholder of a path that an operation doesn't declare. Changes `schema`."""
    for path, item in schema["paths"].items():
        names = _PLACEHOLDER.findall(path)
        for operation in (item[method] for method in item.keys() & _METHODS):
            declared: list[dict[str, Any]] = operation.setdefault("parameters", [])
            known = {p["name"] for p in declared if p["in"] == "path"}
            missing = [n for n in names if n not in known]
            declared[:0] = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in missing]
    return schema


def declare_errors(schema: dict[str, Any]) -> dict[str, Any]:
    """Replaces FastAPI's 422 by the errors that every operation may answer with. Changes `schema`."""
    components = schema.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= {"Problem": _PROBLEM, "LangfuseError": _LANGFUSE_ERROR}
    answers: dict[str, Any] = components.setdefault("responses", {})
    for prefix, media_type, name in (("", MEDIA_TYPE, "Problem"), ("Langfuse", "application/json", "LangfuseError")):
        content = {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        answers |= {f"{prefix}{kind}": {"description": text, "content": content} for kind, text in _ERRORS.values()}
    for path, item in schema["paths"].items():
        prefix = "Langfuse" if path.startswith(LANGFUSE_PREFIX) else ""
        declared = {s: {"$ref": f"#/components/responses/{prefix}{kind}"} for s, (kind, _) in _ERRORS.items()}
        for operation in (item[method] for method in item.keys() & _METHODS):
            own: dict[str, Any] = operation.setdefault("responses", {})
            own.pop("422", None)
            operation["responses"] = {**declared, **own}
    return schema


_ERRORS = {
    "400": ("InvalidInput", "The request is wrong; nothing was written."),
    "401": ("Unauthenticated", "No credential, or one that isn't valid."),
    "403": ("PermissionDenied", "The caller may not do this."),
    "404": ("NotFound", "No such thing, or not one that the caller may see."),
    "409": ("Conflict", "The present state forbids the change."),
    "413": ("TooLarge", "A body, field or list is over its limit."),
    "429": ("RateLimited", "Slow down; `Retry-After` says for how long."),
    "default": ("Failure", "Any other failure, such as 503 while a part of the server is away."),
}
"""By status: the name of the component, and what it means."""

_TEXT = {"type": "string"}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "An error (RFC 9457). `code` is stable, `hint` says what to do, `params` holds the values that the "
    "text names.",
    "required": ["type", "title", "status", "code", "detail", "hint", "request_id"],
    "properties": {
        **dict.fromkeys(("type", "title", "code", "detail", "hint", "request_id"), _TEXT),
        "status": {"type": "integer"},
        "param": {**_TEXT, "description": "The parameter or field that is wrong."},
        "params": {"type": "object", "additionalProperties": True},
    },
}
_LANGFUSE_ERROR: dict[str, Any] = {
    "type": "object",
    "title": "LangfuseError",
    "description": "An error as Langfuse's API tells it.",
    "required": ["message", "error"],
    "properties": {
        "message": _TEXT,
        "error": {
            "description": "The kind of error, or what is wrong with the request.",
            "anyOf": [_TEXT, {"type": "array", "items": {"type": "object", "additionalProperties": True}}],
        },
    },
}
