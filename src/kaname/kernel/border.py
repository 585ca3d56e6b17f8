"""The border of a background loop: a defect inside one round is logged and ends neither the loop nor the process."""

import logging
from types import TracebackType
from typing import Self


class Survival:
    """A block that outlives whatever nobody foresaw. `fault` is that afterwards, None if all went well."""

    __slots__ = ("_args", "_doing", "_logger", "_passing", "fault")

    def __init__(
        self, logger: logging.Logger, doing: str, args: tuple[object, ...], passing: tuple[type[Exception], ...]
    ) -> None:
        self._logger = logger
        self._doing = doing
        self._args = args
        self._passing = passing
        self.fault: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(e, Exception) or isinstance(e, self._passing):
            return False
        self.fault = e
        self._logger.error(f"{self._doing} failed; going on", *self._args, exc_info=e)
        return True


def survive(logger: logging.Logger, doing: str, *args: object, passing: tuple[type[Exception], ...] = ()) -> Survival:
    """Runs a block whose failure must not stop the loop around it. `doing` names it in the log, with %-style `args`;
    errors of the kinds `passing` are the caller's to handle."""
    return Survival(logger, doing, args, passing)
