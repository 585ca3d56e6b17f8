"""Every error that Kaname raises on purpose, as one tree.

KanameError
├── InvalidInputError        400  the request is wrong; nothing was written
│   ├── UnsupportedMediaTypeError 415
│   └── UnprocessableError   422  at odds with what was sent before
├── UnauthenticatedError     401  who are you?
├── QuotaExceededError       402  a budget is used up; not retryable
├── PermissionDeniedError    403  you may not
├── NotFoundError            404  no such thing in this project
├── ConflictError            409  the state forbids it
├── TooLargeError            413  over a stated limit
├── RateLimitedError         429  slow down; carries retry_after_s
├── UnavailableError         503  try again later; carries retry_after_s
│   ├── JournalFullError          the write-ahead log reached its bound
│   ├── DiskFullError             no space left on the device
│   └── EngineUnavailableError    the column engine doesn't answer
├── UpstreamError            502  a model provider failed
│   └── UpstreamTimeoutError 504
├── ConfigurationError       500  a setting or an installation is wrong (CLI exit status 3)
├── EngineRefusedError       500  the column engine refused a statement or rows; carries engine_code
└── IntegrityError           500  stored data fails its check

Every error has a stable `code`, a message that names the offending value, and a hint: the way out. HTTP renders
it as problem+json (RFC 9457), the gateway as the OpenAI error shape, the CLI as two lines and an exit status. The UI
says it in the reader's language: by `code`, with the values of `params` put into that code's text.
"""

from collections.abc import Mapping
from typing import ClassVar

ErrorParams = Mapping[str, str | int]
"""What a message names, by place: `{"value": …, "limit": …}`. The same places wherever a code is raised."""


class KanameError(Exception):
    """Base of all deliberate errors. Subclasses fix `status` and the default `code`."""

    status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 1
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        param: str | None = None,
        params: ErrorParams | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.param = param
        self.params: ErrorParams = params or {}
        self.retry_after_s = retry_after_s


class InvalidInputError(KanameError):
    """The request is wrong; nothing was written."""

    status = 400
    exit_status = 2
    default_code = "invalid_input"


class UnsupportedMediaTypeError(InvalidInputError):
    """The body has a content type or encoding that this route doesn't read."""

    status = 415
    default_code = "unsupported_media_type"


class UnprocessableError(InvalidInputError):
    """The request is well formed and at odds with what was sent before."""

    status = 422
    default_code = "unprocessable"


class UnauthenticatedError(KanameError):
    """No credential, or one that isn't valid."""

    status = 401
    exit_status = 4
    default_code = "unauthenticated"


class QuotaExceededError(KanameError):
    """A budget is used up; retrying doesn't help."""

    status = 402
    default_code = "quota_exceeded"


class PermissionDeniedError(KanameError):
    """The principal is known and may not do this."""

    status = 403
    exit_status = 4
    default_code = "permission_denied"


class NotFoundError(KanameError):
    """No such thing, or not in a project that the principal can see."""

    status = 404
    exit_status = 5
    default_code = "not_found"


class ConflictError(KanameError):
    """The present state forbids the change."""

    status = 409
    default_code = "conflict"


class TooLargeError(KanameError):
    """A body, field or list is over its stated limit."""

    status = 413
    exit_status = 2
    default_code = "too_large"


class RateLimitedError(KanameError):
    """Too many requests; `retry_after_s` says when to come back."""

    status = 429
    default_code = "rate_limited"


class UnavailableError(KanameError):
    """Temporarily unable; `retry_after_s` says when to come back."""

    status = 503
    exit_status = 6
    default_code = "unavailable"


class JournalFullError(UnavailableError):
    """The write-ahead log reached its bound because its consumer is behind."""

    default_code = "journal_full"


class DiskFullError(UnavailableError):
    """The device has no space left."""

    default_code = "disk_full"


class EngineUnavailableError(UnavailableError):
    """The column engine doesn't answer."""

    default_code = "engine_unavailable"


class UpstreamError(KanameError):
    """A model provider failed or answered rubbish."""

    status = 502
    default_code = "upstream_error"


class UpstreamTimeoutError(UpstreamError):
    """A model provider didn't answer in time."""

    status = 504
    default_code = "upstream_timeout"


class ConfigurationError(KanameError):
    """A setting or an installation is wrong."""

    exit_status = 3
    default_code = "configuration_error"


class IntegrityError(KanameError):
    """Stored data fails its checksum, digest or signature."""

    default_code = "integrity_error"


class EngineRefusedError(KanameError):
    """The column engine refused a statement or rows: a defect of ours or a bad row, never worth a retry."""

    default_code = "engine_refused"

    def __init__(self, message: str, *, engine_code: int) -> None:
        super().__init__(message, hint="This is a defect of Kaname; please report it.")
        self.engine_code = engine_code
