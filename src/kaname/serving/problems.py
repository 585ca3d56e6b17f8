"""The errors of this slice, each with its code and its one-line remedy."""

from pathlib import Path

from kaname.kernel.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError, UnavailableError


def model_missing(name: str) -> NotFoundError:
    """The weights aren't on this machine."""
    return NotFoundError(
        f"the local model {name!r} isn't installed", hint=f"Run `kaname models pull {name}`.", code="model_missing"
    )


def digest_mismatch(what: str, expected: str, actual: str) -> IntegrityError:
    """A file isn't the one that was pinned; it must not be used."""
    return IntegrityError(
        f"{what} has sha256 {actual!r}, expected {expected!r}; it was not used",
        hint="Pull it again. If the digest stays different, the publisher changed the file: don't trust it.",
        code="model_digest_mismatch",
    )


def not_a_model(path: Path, reason: str) -> InvalidInputError:
    """The file isn't a GGUF model that llama.cpp could load."""
    return InvalidInputError(
        f"{path.name!r} isn't a usable GGUF model: {reason}",
        hint="Pull a file in GGUF version 2 or 3.",
        code="model_invalid",
    )


def model_in_use(name: str) -> ConflictError:
    """A running process holds the weights."""
    return ConflictError(
        f"the local model {name!r} is being served",
        hint="Stop the server, or wait until it is idle.",
        code="model_in_use",
    )


def pull_cancelled(name: str) -> ConflictError:
    """The caller gave up; what can be resumed stays in the staging folder."""
    return ConflictError(f"pulling {name!r} was cancelled", hint="Pull again to go on.", code="pull_cancelled")


def download_failed(what: str, reason: str) -> UnavailableError:
    """The network or the index said no."""
    return UnavailableError(
        f"can't download {what}: {reason}",
        hint="Check the network or proxy and pull again; offline, use file:PATH of a copy.",
        code="download_failed",
    )
