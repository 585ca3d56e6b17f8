"""The border of a background loop: a defect inside one round is logged and ends neither the loop nor the process."""

import logging
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def survive(logger: logging.Logger, doing: str) -> Generator[None]:
    """Runs a block whose failure must not stop the loop around it; `doing` names it in the log."""
    try:
        yield
    except Exception:  # the one place where loops swallow what nobody foresaw
        logger.exception("%s failed; going on", doing)
