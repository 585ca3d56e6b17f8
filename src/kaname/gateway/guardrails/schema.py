"""Answers that must be JSON of a given shape: JSON Schema, drafts 4 to 2020-12, checked by `jsonschema-rs`.

`repair: true` (the usual) lets the model answer once more, told what was wrong, where the answer isn't streamed. A
schema that points elsewhere (`$ref` to an address) is refused: nothing is fetched.
"""

from typing import cast

import jsonschema_rs
import orjson

from kaname.gateway.guardrails.model import GuardKind, Options, Side, Subject

MAX_REASONS = 3
_FENCE = "```"


class SchemaGuard:
    """See `CallGuard`."""

    __slots__ = ("_validator",)

    def __init__(self, validator: jsonschema_rs.Validator) -> None:
        self._validator = validator

    async def check(self, subject: Subject) -> str:
        try:
            document: object = orjson.loads(strip_fence(subject.text))
        except orjson.JSONDecodeError:
            return "not JSON"
        if self._validator.is_valid(document):
            return ""
        broken: list[str] = []
        for error in self._validator.iter_errors(document):
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.schema_path)
            broken.append(f"breaks schema{path}"[:120])
            if len(broken) == MAX_REASONS:
                break
        return "; ".join(broken)


def strip_fence(text: str) -> str:
    """The text without a Markdown fence around it, which models add however they are asked."""
    text = text.strip()
    if text.startswith(_FENCE) and text.endswith(_FENCE) and "\n" in text:
        return text[text.index("\n") + 1 : -len(_FENCE)].strip()
    return text


def _build(options: Options, side: Side) -> SchemaGuard:
    if options.has("file") == options.has("schema"):
        raise options.refuse("file", "needs either `file` or `schema`", "Write `{schema: answer.json}`.")
    schema = options.plain("schema")
    if options.has("file"):
        try:
            schema = orjson.loads(options.read_file("file"))
        except orjson.JSONDecodeError as e:
            raise options.refuse("file", f"isn't valid JSON: {e}") from e
    try:
        validator = jsonschema_rs.validator_for(cast("dict[str, object]", schema), offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError) as e:
        name = "file" if options.has("file") else "schema"
        raise options.refuse(name, f"isn't a JSON schema: {str(e).splitlines()[0]}") from e
    return SchemaGuard(validator)


SCHEMA = GuardKind(
    name="schema", build=_build, options=("file", "schema", "repair"), main="file", sides=("output",), waits=True
)
