"""The OpenAPI document names every placeholder of its paths."""

from typing import Any

from kaname.app.openapi import declare_path_parameters


def test_adds_what_a_scope_reads_and_keeps_what_is_declared() -> None:
    span = {"name": "span_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 100}}
    schema: dict[str, Any] = {"paths": {"/p/{project_id}/spans/{span_id}": {"get": {"parameters": [span]}, "put": {}}}}
    declare_path_parameters(schema)
    item = schema["paths"]["/p/{project_id}/spans/{span_id}"]
    assert [p["name"] for p in item["get"]["parameters"]] == ["project_id", "span_id"]
    assert item["get"]["parameters"][1] is span
    assert [p["name"] for p in item["put"]["parameters"]] == ["project_id", "span_id"]


def test_twice_is_as_once() -> None:
    schema: dict[str, Any] = {"paths": {"/p/{project_id}": {"get": {}}}}
    assert (
        len(declare_path_parameters(declare_path_parameters(schema))["paths"]["/p/{project_id}"]["get"]["parameters"])
        == 1
    )
