"""Fixtures of the column store for every slice: one engine a test session, a fresh database a test.

from fixtures_columns import columns, columns_engine, columns_settings  # noqa: F401  (in a conftest.py)
"""

import dataclasses
import itertools
from collections.abc import Iterator

import pytest

from kaname.storage.columns import ColumnsClient, ColumnsSettings, LocalEngine, connect_columns

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def columns_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """A running embedded engine, shared by the tests of this process."""
    engine = LocalEngine(tmp_path_factory.mktemp("columns") / "columns", ColumnsSettings())
    engine.start()
    try:
        engine.wait_ready()
        yield engine
    finally:
        engine.stop()


@pytest.fixture
def columns_settings(columns_engine: LocalEngine) -> ColumnsSettings:
    """Settings that name a database of this test alone."""
    return dataclasses.replace(ColumnsSettings(), database=f"test_{next(_numbers)}")


@pytest.fixture
def columns(columns_engine: LocalEngine, columns_settings: ColumnsSettings) -> Iterator[ColumnsClient]:
    """A client of an empty database; call `migrate_columns` on it for tables."""
    client = connect_columns(columns_settings, columns_engine.endpoint)
    client.create_database()
    try:
        yield client
    finally:
        client.command(f"DROP DATABASE IF EXISTS {columns_settings.database}")
        client.close()
