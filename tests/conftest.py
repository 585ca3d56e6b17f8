"""Fixtures that every slice shares. The slices' own are in `tests/<level>/<slice>/conftest.py`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from live import LiveServer, start_live_server

pytest_plugins = [n for n in ("fixtures_columns", "fixtures_sql") if (Path(__file__).parent / f"{n}.py").exists()]

# The same examples in every run, so that a change is judged by what it changed. `KANAME_TEST_EXPLORE=1` looks for more.
settings.register_profile(
    "kaname",
    deadline=None,
    derandomize=not os.environ.get("KANAME_TEST_EXPLORE"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("kaname")


@pytest.fixture(autouse=True, scope="session")
def isolated_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test may read or write the tester's own settings, login or models."""
    home = tmp_path_factory.mktemp("home")
    saved = dict(os.environ)
    for name in [n for n in os.environ if n.startswith(("KANAME_", "OTEL_", "OPENAI_", "LANGFUSE_"))]:
        if name != "KANAME_TEST_MODEL_DIR":
            del os.environ[name]
    os.environ["KANAME_SERVER_DATA_DIR"] = str(home / "data")
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")
    yield
    os.environ.clear()
    os.environ.update(saved)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def live_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A real server with all its processes, set up with an owner, a project and an API key; once on each SQL engine."""
    data_dir: Path = tmp_path_factory.mktemp("live") / "data"
    sql_url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    server = start_live_server(data_dir, sql_url=sql_url)
    yield server
    server.stop()
