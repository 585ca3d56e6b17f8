"""Errors in the words of Langfuse's public API: `{message, error}`, where `error` names the kind.

Source: Langfuse 4, `withMiddlewares`: 400 says "Invalid request data" and gives the issues, others their message and
the name of the error class.
"""

_NAMES = {
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "LangfuseNotFoundError",
    405: "MethodNotAllowedError",
    409: "LangfuseConflictError",
    413: "PayloadTooLargeError",
    429: "RateLimitError",
    503: "ServiceUnavailableError",
}


def langfuse_error(status: int, message: str) -> dict[str, object]:
    """The body of an error answer."""
    if status == 400:
        return {"message": "Invalid request data", "error": [{"code": "custom", "message": message, "path": []}]}
    return {"message": message, "error": _NAMES.get(status, "InternalServerError" if status >= 500 else "BaseError")}
