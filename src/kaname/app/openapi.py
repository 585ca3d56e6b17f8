"""Completes FastAPI's OpenAPI document: path parameters that a scope reads by itself are declared too.

`project_scope` and `organization_scope` take their ids from the request, because some routes name no project in the
path; clients generated from the document need the parameters all the same.
"""

import re
from typing import Any

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
