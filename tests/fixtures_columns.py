"""Fixtures of the column store for every slice: one engine a test session, a fresh database a test.

    from fixtures_columns import columns, columns_engine, columns_settings  # noqa: F401  (in a conftest.py)

With KANAME_TEST_COLUMNS_URL (and …_USER, …_PASSWORD) set, `columns` is a database on that ClickHouse server instead.
"""

import dataclasses
import os
from collections.abc import Iterator

import pytest

from kaname.kernel.ids import random_token
from kaname.storage.columns import ColumnsClient, ColumnsSettings, LocalEngine, connect_columns

VARIABLE = "KANAME_TEST_COLUMNS_URL"


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
    return dataclasses.replace(
        ColumnsSettings(),
        database=f"test_{random_token(6)}",
        url=os.environ.get(VARIABLE, ""),
        user=os.environ.get("KANAME_TEST_COLUMNS_USER", "default"),
        password=os.environ.get("KANAME_TEST_COLUMNS_PASSWORD", ""),
    )


@pytest.fixture
def columns(columns_engine: LocalEngine, columns_settings: ColumnsSettings) -> Iterator[ColumnsClient]:
    """A client of an empty database; call `migrate_columns` on it for tables."""
    client = connect_columns(columns_settings, columns_engine.endpoint)
    client.create_database()
    try:
        yield client
    finally:
        client.command(f"DROP DATABASE IF EXISTS {columns_settings.database} SYNC")
        client.close()
