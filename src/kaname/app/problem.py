"""Errors at the HTTP edge of the management API: every failure is problem+json (RFC 9457) with a request id.

Routes in the place of Langfuse's API answer in its words. The gateway and the OTLP receiver have their own wire shapes
and render their errors themselves.
"""

import logging
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from kaname.app.root import LANGFUSE_PREFIX
from kaname.kernel.errors import ErrorParams, InvalidInputError, KanameError
from kaname.traces.langfuse_errors import langfuse_error

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_BODY_UNREAD = (408, 413)
"""Answers that don't wait for the rest of the body."""


def install_problem_handlers(app: FastAPI) -> None:
    """Makes the app answer every error as problem+json."""
    app.add_exception_handler(KanameError, _on_kaname_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    param: str | None = None,
    params: ErrorParams | None = None,
    retry_after_s: float | None = None,
) -> Response:
    """One error answer."""
    headers = {} if retry_after_s is None else {"Retry-After": str(max(1, round(retry_after_s)))}
    if status in _BODY_UNREAD:
        headers["Connection"] = "close"
    if request.url.path.startswith(LANGFUSE_PREFIX):
        text = f"{detail}. {hint}" if hint else detail
        return JSONResponse(langfuse_error(status, text), status_code=status, headers=headers)
    body: dict[str, object] = {
        "type": f"urn:kaname:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
        "request_id": request_id_of(request),
    }
    if param is not None:
        body["param"] = param
    if params:
        body["params"] = dict(params)
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def problem_of(request: Request, e: KanameError) -> Response:
    """The answer for a deliberate error."""
    return problem(
        request, e.status, e.code, e.message, hint=e.hint, param=e.param, params=e.params, retry_after_s=e.retry_after_s
    )


def request_id_of(request: Request) -> str:
    """The id that `app.server` gave this request."""
    return cast("str", request.scope.get("kaname.request_id", ""))


async def _on_kaname_error(request: Request, error: Exception) -> Response:
    e = cast("KanameError", error)
    if e.status >= 500:
        logger.warning("%s %s -> %d %s: %s", request.method, request.url.path, e.status, e.code, e.message)
    return problem_of(request, e)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    faults = cast("list[dict[str, Any]]", cast("RequestValidationError", error).errors())
    return problem_of(request, _first_fault(faults))


def _first_fault(faults: list[dict[str, Any]]) -> InvalidInputError:
    """The first of pydantic's faults. Their types and contexts: https://docs.pydantic.dev/latest/errors."""
    first: dict[str, Any] = faults[0] if faults else {"type": "", "loc": (), "msg": "invalid"}
    place, *path = [str(p) for p in first["loc"]] or ["body"]
    name = ".".join(path) or place
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    detail = f"{place} parameter {name!r}: {first['msg']}{more}"
    context: dict[str, Any] = first.get("ctx", {})
    match first["type"]:
        case "missing":
            return _fault(detail, name, code="field_missing")
        case "extra_forbidden":
            return _fault(detail, name, code="field_unexpected")
        case "string_too_long" | "too_long":
            return _fault(detail, name, code="field_too_long", params={"limit": context["max_length"]})
        case "string_too_short" | "too_short":
            return _fault(detail, name, code="field_too_short", params={"limit": context["min_length"]})
        case "literal_error" | "enum":
            return _fault(detail, name, code="field_not_a_choice", params={"known": context["expected"]})
        case _:
            return _fault(detail, name, code="field_invalid", params={"reason": first["msg"]})


def _fault(detail: str, name: str, *, code: str, params: ErrorParams | None = None) -> InvalidInputError:
    return InvalidInputError(
        detail,
        hint="See /api/openapi.json for the types.",
        code=code,
        param=name,
        params={"field": name, **(params or {})},
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    e = cast("HTTPException", error)
    if isinstance(e.__cause__, KanameError):
        return await _on_kaname_error(request, e.__cause__)
    code = {404: "not_found", 405: "method_not_allowed"}.get(e.status_code, "invalid_input")
    detail = f"{request.method} {request.url.path}: {e.detail}"
    return problem(request, e.status_code, code, detail, hint="See /api/openapi.json for the routes.")


async def _on_bug(request: Request, error: Exception) -> Response:
    # Starlette raises it once more for the server to log: logging it here too would tell of two defects.
    error.add_note(f"while answering {request.method} {request.url.path}, request {request_id_of(request)}")
    return problem(
        request, 500, "internal_error", "something went wrong on our side", hint="The server's log has the details."
    )
