"""The store keeps only complete, verified models, and gives them up only when nobody uses them."""

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kaname.kernel.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from kaname.serving.catalogue import parse_reference
from kaname.serving.files import locked
from kaname.serving.model import Progress
from kaname.serving.store import ModelStore


@pytest.fixture
def weights(tmp_path: Path, gguf: Callable[..., bytes]) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf())
    return path


def test_pull_keeps_weights_and_manifest(store: ModelStore, weights: Path) -> None:
    steps: list[Progress] = []
    manifest = store.pull(parse_reference(f"file:{weights}"), report=steps.append)
    weights.unlink()
    assert store.list() == [manifest]
    assert store.get("tiny").sha256 == manifest.sha256
    assert hashlib.sha256(store.weights_path(manifest).read_bytes()).hexdigest() == manifest.sha256
    assert (manifest.architecture, manifest.parameters, manifest.licence) == ("llama", 6, "apache-2.0")
    assert not manifest.pinned
    assert steps[-1].phase == "done"
    assert not [p for p in (store.folder / ".staging").rglob("*.gguf") if p.is_file()]


def test_pull_again_is_idempotent_and_reads_nothing(store: ModelStore, weights: Path) -> None:
    first = store.pull(parse_reference(f"file:{weights}"))
    weights.unlink()
    assert store.pull(parse_reference(f"file:{weights}")) == first


def test_wrong_digest_is_refused_and_nothing_listed(store: ModelStore, weights: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        store.pull(parse_reference(f"file:{weights}", sha256="0" * 64))
    assert caught.value.code == "model_digest_mismatch"
    assert store.list() == []
    assert list(store.folder.glob("*.gguf")) == []


def test_a_file_that_is_no_model_is_refused(store: ModelStore, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"hello")
    with pytest.raises(InvalidInputError):
        store.pull(parse_reference(f"file:{path}"))
    assert store.list() == []


def test_missing_names_the_remedy(store: ModelStore) -> None:
    with pytest.raises(NotFoundError) as caught:
        store.get("smollm2")
    assert caught.value.code == "model_missing"
    assert "kaname models pull smollm2" in caught.value.hint


def test_changed_weights_are_noticed_before_use(store: ModelStore, weights: Path) -> None:
    manifest = store.pull(parse_reference(f"file:{weights}"))
    store.check_unchanged(manifest)
    path = store.weights_path(manifest)
    body = bytearray(path.read_bytes())
    body[-1] ^= 1
    path.write_bytes(body)
    with pytest.raises(IntegrityError) as caught:
        store.check_unchanged(manifest)
    assert caught.value.code == "model_digest_mismatch"


def test_remove_refuses_while_served(store: ModelStore, weights: Path) -> None:
    manifest = store.pull(parse_reference(f"file:{weights}"))
    with locked(store.lock_path(manifest), exclusive=False) as held:
        assert held
        with pytest.raises(ConflictError) as caught:
            store.remove("tiny")
    assert caught.value.code == "model_in_use"
    store.remove("tiny")
    assert store.list() == []
    assert list(store.folder.glob("*.gguf")) == []


def test_shared_weights_outlive_one_name(store: ModelStore, weights: Path) -> None:
    request = parse_reference(f"file:{weights}")
    first = store.pull(request)
    store.pull(replace(request, name="other"))
    store.remove("tiny")
    assert [m.name for m in store.list()] == ["other"]
    assert store.weights_path(first).exists()


def test_cancelled_pull_leaves_nothing_listed(store: ModelStore, weights: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(ConflictError) as caught:
        store.pull(parse_reference(f"file:{weights}"), cancelled=cancelled)
    assert caught.value.code == "pull_cancelled"
    assert store.list() == []


def test_two_pulls_of_one_model_do_not_mix(store: ModelStore, weights: Path) -> None:
    seen: list[str] = []

    def second(progress: Progress) -> None:
        if progress.phase != "extract" or seen:
            return
        with pytest.raises(ConflictError) as caught:
            store.pull(parse_reference(f"file:{weights}"))
        seen.append(caught.value.code)

    store.pull(parse_reference(f"file:{weights}"), report=second)
    assert seen == ["pull_running"]


def test_damaged_manifest_is_named(store: ModelStore, weights: Path) -> None:
    store.pull(parse_reference(f"file:{weights}"))
    (store.folder / "tiny.json").write_text(json.dumps({"name": 3}))
    with pytest.raises(IntegrityError, match=r"tiny\.json"):
        store.list()
