"""The bundled model, fetched once and kept in KANAME_TEST_MODEL_DIR or the git-ignored `.kaname/test-models`."""

import os
from pathlib import Path

import pytest

from kaname.kernel.errors import KanameError
from kaname.serving.catalogue import SMOLLM2
from kaname.serving.files import locked
from kaname.serving.settings import ModelsSettings
from kaname.serving.sources import build_sources
from kaname.serving.store import ModelStore

FOLDER = Path(os.environ.get("KANAME_TEST_MODEL_DIR") or Path(__file__).parents[3] / ".kaname" / "test-models")


@pytest.fixture(scope="session")
def smollm2_store() -> ModelStore:
    """A store with the real weights; skips with the remedy where they can't be fetched."""
    store = ModelStore(FOLDER, build_sources(ModelsSettings()))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with locked(FOLDER / "tests.lock", exclusive=True, wait=True):
        try:
            store.pull(SMOLLM2)
        except KanameError as e:
            if e.code not in ("download_failed", "model_source_unavailable"):
                raise
            pytest.skip(f"the bundled model isn't here: run `kaname models pull smollm2` ({e.message})")
    return store
