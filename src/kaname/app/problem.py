"""Errors at the HTTP edge of the management API: every failure is problem+json (RFC 9457) with a request id.

The gateway and the OTLP receiver have their own wire shapes and render their errors themselves.
"""

import logging
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from kaname.kernel.errors import KanameError

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


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
    retry_after_s: float | None = None,
) -> Response:
    """One problem+json answer."""
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
    headers = {} if retry_after_s is None else {"Retry-After": str(max(1, round(retry_after_s)))}
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    """The id that `app.server` gave this request."""
    return cast("str", request.scope.get("kaname.request_id", ""))


async def _on_kaname_error(request: Request, error: Exception) -> Response:
    e = cast("KanameError", error)
    if e.status >= 500:
        logger.warning("%s %s -> %d %s: %s", request.method, request.url.path, e.status, e.code, e.message)
    return problem(request, e.status, e.code, e.message, hint=e.hint, param=e.param, retry_after_s=e.retry_after_s)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    faults = cast("RequestValidationError", error).errors()
    first = cast("dict[str, Any]", faults[0]) if faults else {"loc": (), "msg": "invalid"}
    place, *path = [str(p) for p in first["loc"]] or ["body"]
    name = ".".join(path) or place
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    detail = f"{place} parameter {name!r}: {first['msg']}{more}"
    return problem(request, 400, "invalid_input", detail, hint="See /api/openapi.json for the types.", param=name)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    e = cast("HTTPException", error)
    if isinstance(e.__cause__, KanameError):
        return await _on_kaname_error(request, e.__cause__)
    code = {404: "not_found", 405: "method_not_allowed"}.get(e.status_code, "invalid_input")
    detail = f"{request.method} {request.url.path}: {e.detail}"
    return problem(request, e.status_code, code, detail, hint="See /api/openapi.json for the routes.")


async def _on_bug(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(
        request, 500, "internal_error", "something went wrong on our side", hint="The server's log has the details."
    )
