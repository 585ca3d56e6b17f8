"""A store that a newer engine wrote is refused at the start, an older one is opened."""

from pathlib import Path

import pytest

from kaname.kernel.errors import ConfigurationError
from kaname.storage.columns import ColumnsSettings, LocalEngine
from kaname.storage.columns.engine.version import VERSION_FILE, check_version


def test_a_store_of_a_newer_engine_is_refused_and_an_older_one_opened(tmp_path: Path):
    directory = tmp_path / "columns"
    engine = LocalEngine(directory, ColumnsSettings())
    engine.start()
    engine.wait_ready()
    engine.stop()
    version = (directory / VERSION_FILE).read_text().strip()
    (directory / VERSION_FILE).write_text("99.1.2.3\n")
    engine.start()
    with pytest.raises(ConfigurationError, match=r"99\.1\.2\.3") as caught:
        engine.wait_ready()
    assert caught.value.code == "columns_newer_than_engine"
    assert engine.state == "stopped"
    (directory / VERSION_FILE).write_text("20.1.1.1\n")
    engine.start()
    engine.wait_ready()
    engine.stop()
    assert (directory / VERSION_FILE).read_text().strip() == version


def test_only_year_and_number_are_compared(tmp_path: Path):
    check_version(tmp_path, "26.5.9.9")
    check_version(tmp_path, "26.5.1.1")
    (tmp_path / VERSION_FILE).write_text("rubbish")
    check_version(tmp_path, "26.5.1.1")
    with pytest.raises(ConfigurationError):
        check_version(tmp_path, "26.4.1.1")
