"""The weights on this machine: `<folder>/<sha256>.gguf`, `<name>.json` (manifest) and `<sha256>.LICENSE`.

Two names may share weights. A manifest appears only after its weights are complete, verified and durable, so what is
listed can be used. `rm` refuses while any process serves the weights (it holds a shared lock on `<sha256>.lock`).
Fetching is the sources' business; this module checks what they bring.
"""

import errno
import os
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kaname.kernel.clock import Clock, SystemClock
from kaname.kernel.errors import ConflictError, DiskFullError, IntegrityError
from kaname.kernel.registry import Registry
from kaname.serving.catalogue import check_name
from kaname.serving.files import hash_file, locked, replace_durably, write_atomic
from kaname.serving.gguf import derive_capabilities, read_gguf_header
from kaname.serving.model import FetchedFile, ModelManifest, ModelRequest, Progress, ProgressReport
from kaname.serving.problems import digest_mismatch, model_in_use, model_missing
from kaname.serving.sources.port import ModelSource, PullWatch


class ModelStore:
    """Installed models under one folder. Safe to use from several processes."""

    def __init__(self, folder: Path, sources: Registry[ModelSource], *, clock: Clock | None = None) -> None:
        self.folder = folder
        self._sources = sources
        self._clock = clock or SystemClock()

    def list(self) -> list[ModelManifest]:
        """All installed models by name; manifests whose weights are gone are left out."""
        found = (self._read(path) for path in sorted(self.folder.glob("*.json")))
        return [m for m in found if self.weights_path(m).exists()]

    def find(self, name: str) -> ModelManifest | None:
        """The installed model of this name."""
        path = self._manifest_path(check_name(name))
        if not path.exists():
            return None
        manifest = self._read(path)
        return manifest if self.weights_path(manifest).exists() else None

    def get(self, name: str) -> ModelManifest:
        """The installed model of this name; raises NotFoundError (`model_missing`) with the remedy."""
        manifest = self.find(name)
        if manifest is None:
            raise model_missing(name)
        return manifest

    def weights_path(self, manifest: ModelManifest) -> Path:
        """The GGUF file of an installed model."""
        return self.folder / f"{manifest.sha256}.gguf"

    def lock_path(self, manifest: ModelManifest) -> Path:
        """The file on which a serving process holds a shared lock."""
        return self.folder / f"{manifest.sha256}.lock"

    def check_unchanged(self, manifest: ModelManifest) -> None:
        """Cheap before each start: hashes again only if size or time say that the file was touched since the pull."""
        weights, written = self.weights_path(manifest).stat(), self._manifest_path(manifest.name).stat().st_mtime_ns
        if weights.st_size != manifest.bytes or weights.st_mtime_ns > written:
            self.verify(manifest)

    def verify(self, manifest: ModelManifest) -> None:
        """Hashes the weights again; raises IntegrityError (`model_digest_mismatch`)."""
        path = self.weights_path(manifest)
        actual = hash_file(path)
        if actual != manifest.sha256:
            raise digest_mismatch(str(path), manifest.sha256, actual)

    def pull(
        self,
        request: ModelRequest,
        *,
        report: ProgressReport | None = None,
        cancelled: threading.Event | None = None,
    ) -> ModelManifest:
        """Fetches, verifies and keeps a model; returns at once if exactly this one is there.

        Raises what the source raises, IntegrityError on a wrong digest, ConflictError if cancelled or if another pull
        of the same model runs. Nothing is listed unless it is complete.
        """
        watch = PullWatch(request.name, report or _ignore, cancelled or threading.Event())
        present = self.find(request.name)
        if present is not None and present.reference == request.reference and request.sha256 in ("", present.sha256):
            watch.report("done", present.bytes, present.bytes)
            return present
        source = self._sources.get(request.scheme)
        try:
            with self._staging(request) as staging:
                fetched = source.fetch(request, staging, watch)
                manifest = self._keep(request, fetched)
        except OSError as e:
            if e.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DiskFullError(
                f"no space left in {str(self.folder)!r} for {request.name!r}", hint="Free some space and pull again."
            ) from e
        watch.report("done", manifest.bytes, manifest.bytes)
        return manifest

    def remove(self, name: str) -> ModelManifest:
        """Deletes a model, and its weights if no other name uses them; refuses (`model_in_use`) while it is served."""
        manifest = self.get(name)
        with locked(self.lock_path(manifest), exclusive=True) as free:
            if not free:
                raise model_in_use(name)
            self._manifest_path(name).unlink()
            if not any(other.sha256 == manifest.sha256 for other in self.list()):
                self.weights_path(manifest).unlink(missing_ok=True)
                self._licence_path(manifest.sha256).unlink(missing_ok=True)
                self.lock_path(manifest).unlink(missing_ok=True)
        return manifest

    def licence_text(self, manifest: ModelManifest) -> str:
        """The licence that came with the weights, or ""."""
        path = self._licence_path(manifest.sha256)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @contextmanager
    def _staging(self, request: ModelRequest) -> Generator[Path]:
        """A folder of this reference alone, kept when a pull fails so that the next one resumes."""
        key = re.sub(r"[^A-Za-z0-9._-]+", "_", request.reference)[-120:]
        staging = self.folder / ".staging" / key
        staging.mkdir(parents=True, exist_ok=True)
        with locked(staging / "lock", exclusive=True) as free:
            if not free:
                raise ConflictError(
                    f"{request.name!r} is being pulled by another process", hint="Wait for it.", code="pull_running"
                )
            yield staging
            for path in staging.iterdir():
                if path.is_file():
                    path.unlink()

    def _keep(self, request: ModelRequest, fetched: FetchedFile) -> ModelManifest:
        if request.sha256 and fetched.sha256 != request.sha256:
            fetched.path.unlink(missing_ok=True)
            raise digest_mismatch(request.reference, request.sha256, fetched.sha256)
        header = read_gguf_header(fetched.path)
        manifest = ModelManifest(
            name=request.name,
            sha256=fetched.sha256,
            bytes=fetched.path.stat().st_size,
            reference=request.reference,
            pinned=bool(request.sha256),
            origin=request.origin or header.text("general.name"),
            licence=request.licence or fetched.licence or header.text("general.license"),
            label=request.label,
            architecture=header.architecture,
            parameters=header.parameters,
            context_length=header.context_length,
            capabilities=request.capabilities or derive_capabilities(header),
            pulled_at=self._clock.now(),
        )
        with fetched.path.open("rb+") as file:
            os.fsync(file.fileno())
        replace_durably(fetched.path, self.weights_path(manifest))
        if fetched.licence_text:
            write_atomic(self._licence_path(manifest.sha256), fetched.licence_text)
        write_atomic(self._manifest_path(request.name), msgspec.json.format(msgspec.json.encode(manifest)))
        return manifest

    def _read(self, path: Path) -> ModelManifest:
        try:
            return msgspec.json.decode(path.read_bytes(), type=ModelManifest)
        except (msgspec.MsgspecError, OSError) as e:
            raise IntegrityError(
                f"model manifest {str(path)!r} can't be read: {e}", hint="Remove that file and pull the model again."
            ) from e

    def _manifest_path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _licence_path(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.LICENSE"


def _ignore(progress: Progress) -> None:
    del progress
