"""One server with a mock provider behind its gateway, for all client programs."""

from collections.abc import Iterator

import pytest

from client_calls import mock_provider
from live import LiveServer, start_live_server


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Base URL of the mock provider."""
    with mock_provider() as url:
        yield url


@pytest.fixture(scope="module")
def server(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose gateway calls the mock provider `openai`."""
    folder = tmp_path_factory.mktemp("clients")
    config = folder / "gateway.yaml"
    config.write_text(
        "default_provider: openai\nproviders:\n"
        f"  openai: {{type: openai, base_url: {provider}, allow_private: true, keys: [{{env: MOCK_KEY}}]}}\n",
        encoding="utf-8",
    )
    started = start_live_server(
        folder / "data", environment={"KANAME_GATEWAY_CONFIG_FILE": str(config), "MOCK_KEY": "sk-upstream"}
    )
    yield started
    started.stop()
