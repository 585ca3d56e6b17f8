"""`GET /v1/models`: only what a key may use, with what is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest

from kaname.gateway.config import parse_config
from kaname.gateway.health import HealthBook
from kaname.gateway.limits.model import Definitions, KeyPolicy
from kaname.gateway.limits.service import LimitService
from kaname.gateway.models_list import ModelsList
from kaname.gateway.plan import Planner
from kaname.gateway.ports import LocalEndpoint, LocalModelInfo
from kaname.gateway.pricing.book import PriceBook
from kaname.kernel.clock import SystemClock
from kaname.kernel.errors import NotFoundError, PermissionDeniedError

CONFIG = parse_config(
    """
providers: {openai: {type: openai, keys: [{env: K}]}, box: {base_url: "https://box.example/v1"}}
models:
  support: {use: openai/gpt-4o}
  cheap: {use: box/own-model, context_window: 4096, tools: false}
""",
    "gateway.yaml",
    lambda source, name: "sk-test",
)


@dataclass(frozen=True)
class Key:
    id: str
    name: str = "test"
    project_id: str | None = "prj_1"
    permissions: frozenset[str] = frozenset({"gateway:call"})
    organization_id: str | None = "org_1"


class OneLocalModel:
    def list(self) -> Sequence[LocalModelInfo]:
        return (LocalModelInfo(name="tiny", created=1764000000, context_window=2048, tools=True),)

    async def endpoint(self, model: str) -> LocalEndpoint:
        raise LookupError(model)


@pytest.fixture
def models() -> ModelsList:
    limits = LimitService(SystemClock())
    policies = {
        "narrow": KeyPolicy(models=("sup*",)),
        "no-openai": KeyPolicy(providers=("box", "local")),
        "shadow": KeyPolicy(models=(), shadow=True),
        "nothing": KeyPolicy(models=()),
    }
    limits.use_definitions(Definitions(version=1, policies=policies))
    local = OneLocalModel()
    return ModelsList(Planner(local, HealthBook(Random(1))), local, limits, PriceBook.load())


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("any", ["support", "cheap", "tiny"]),
        ("narrow", ["support"]),
        ("no-openai", ["cheap", "tiny"]),
        ("shadow", ["support", "cheap", "tiny"]),
        ("nothing", []),
    ],
)
def test_a_key_sees_what_it_may_use(models: ModelsList, key: str, names: list[str]) -> None:
    assert [model["id"] for model in models.list(CONFIG, Key(key))] == names


def test_windows_prices_and_capabilities_are_known_or_null(models: ModelsList) -> None:
    support, cheap, tiny = models.list(CONFIG, Key("any"))
    assert support["context_window"] == 128_000
    assert support["pricing"] == {"input_usd_per_mtok": "2.5", "output_usd_per_mtok": "10"}
    assert support["capabilities"] == {"tools": None, "embeddings": None}
    assert (cheap["context_window"], cheap["capabilities"]) == (4096, {"tools": False, "embeddings": None})
    assert cheap["pricing"] == {"input_usd_per_mtok": None, "output_usd_per_mtok": None}
    assert (tiny["context_window"], tiny["created"]) == (2048, 1764000000)
    assert tiny["capabilities"] == {"tools": True, "embeddings": False}


def test_one_model_by_name_needs_the_same_right(models: ModelsList) -> None:
    assert models.get(CONFIG, Key("any"), "openai/gpt-4o-mini")["owned_by"] == "openai"
    with pytest.raises(PermissionDeniedError):
        models.get(CONFIG, Key("narrow"), "cheap")
    with pytest.raises(NotFoundError, match="nonesuch"):
        models.get(CONFIG, Key("any"), "nonesuch")
