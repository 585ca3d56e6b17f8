"""Reading the input of a batch: one JSON object a line, `{"custom_id", "method": "POST", "url", "body"}`.

Error codes are those of OpenAI's batches. Empty lines are passed over. Pure.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

import orjson

from kaname.gateway.batches.model import MAX_LINE_ERRORS, MAX_REQUESTS, BatchLine, LineError

MAX_CUSTOM_ID_CHARS = 256


class Checked(NamedTuple):
    """What reading a whole input found."""

    total: int
    errors: list[LineError]


def check_lines(lines: Iterable[bytes], endpoint: str) -> Checked:
    """Reads everything; at most `MAX_LINE_ERRORS` errors."""
    seen: set[str] = set()
    errors: list[LineError] = []
    total = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        total += 1
        if total > MAX_REQUESTS:
            message = f"The file has more than {MAX_REQUESTS} requests."
            return Checked(total, [LineError("too_many_requests", message, None, None)])
        read = read_line(line, number, endpoint)
        if isinstance(read, BatchLine):
            if read.custom_id not in seen:
                seen.add(read.custom_id)
                continue
            read = LineError(
                "duplicate_custom_id",
                f"The custom_id {read.custom_id!r} is that of another request. It must be unique in a batch.",
                "custom_id", number,
            )  # fmt: skip
        errors.append(read)
        if len(errors) >= MAX_LINE_ERRORS:
            break
    if not total:
        errors.append(LineError("empty_file", "The input file has no requests.", "input_file_id", None))
    return Checked(total, errors)


def iterate_requests(lines: Iterable[bytes], endpoint: str) -> Iterator[BatchLine]:
    """The requests of an input that was checked."""
    for number, line in enumerate(lines, 1):
        if line.strip() and isinstance(read := read_line(line, number, endpoint), BatchLine):
            yield read


def read_line(line: bytes, number: int, endpoint: str) -> BatchLine | LineError:
    """One line."""
    try:
        document: object = orjson.loads(line)
    except orjson.JSONDecodeError as e:
        return LineError("invalid_json_line", f"This line is not parseable as valid JSON: {e}.", None, number)
    if not isinstance(document, dict):
        return LineError("invalid_json_line", "This line is not a JSON object.", None, number)
    fields = cast("dict[str, object]", document)
    for name in ("custom_id", "method", "url", "body"):
        if name not in fields:
            return LineError("missing_required_parameter", f"Missing required parameter: '{name}'.", name, number)
    custom_id, body = fields["custom_id"], fields["body"]
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= MAX_CUSTOM_ID_CHARS:
        message = f"custom_id must be text of 1 to {MAX_CUSTOM_ID_CHARS} characters."
        return LineError("invalid_custom_id", message, "custom_id", number)
    if fields["method"] != "POST":
        return LineError("invalid_method", f"The method {fields['method']!r} isn't POST.", "method", number)
    if fields["url"] != endpoint:
        message = f"The URL provided for this request does not match the batch endpoint {endpoint!r}."
        return LineError("invalid_url", message, "url", number)
    if not isinstance(body, dict):
        return LineError("invalid_body", "body must be a JSON object.", "body", number)
    if cast("dict[str, object]", body).get("stream"):
        return LineError("invalid_body", "A batch has no streams: leave `stream` out.", "body.stream", number)
    try:
        return BatchLine(number, custom_id, orjson.dumps(body))
    except (orjson.JSONEncodeError, RecursionError):  # it reads deeper nesting than it writes
        return LineError("invalid_body", "body is nested too deeply.", "body", number)
