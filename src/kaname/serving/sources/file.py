"""`file:/path/model.gguf`: a copy of a file on this machine. The original may change or vanish afterwards."""

from pathlib import Path

from kaname.kernel.errors import NotFoundError
from kaname.serving.files import copy_hashed
from kaname.serving.model import FetchedFile, ModelRequest
from kaname.serving.sources.port import PullWatch


class FileSource:
    """Copies a local file."""

    def fetch(self, request: ModelRequest, staging: Path, watch: PullWatch) -> FetchedFile:
        origin = Path(request.locator).expanduser()
        if not origin.is_file():
            raise NotFoundError(f"no file {str(origin)!r}", hint="Give the path of a GGUF file.", code="model_missing")
        total, target = origin.stat().st_size, staging / "weights.gguf"
        with origin.open("rb") as source, target.open("wb") as copy:
            digest = copy_hashed(source, copy, lambda done: watch.report("extract", done, total))
        return FetchedFile(path=target, sha256=digest)
