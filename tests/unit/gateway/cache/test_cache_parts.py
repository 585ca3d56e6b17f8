"""Bounds of memory, wishes of requests, nearness, which answers are kept, and the configuration."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.cache.control import DEFAULT, read_control
from kaname.gateway.cache.memory import AnswerMemory
from kaname.gateway.cache.model import CachedAnswer, is_storable
from kaname.gateway.cache.semantic import MAX_PER_NAMESPACE, SemanticIndex, pack, unit_vector, unpack
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.config import parse_config
from kaname.gateway.config.secrets import environment_keys
from kaname.gateway.model import GatewayRecord, GuardRecord
from kaname.kernel.errors import ConfigurationError, InvalidInputError


def answer(body: bytes = b"{}", *, project: str = "p", user: str = "", expires_s: float = 100.0) -> CachedAnswer:
    return CachedAnswer(
        project_id=project, user_id=user, surface="chat_completions", format="json", body=body, span_id="s",
        created_s=0, expires_s=expires_s,
    )  # fmt: skip


# ---- memory


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), max_size=60))
def test_memory_keeps_its_bounds_and_its_count(puts: list[tuple[int, int]]) -> None:
    gone: list[bytes] = []
    memory = AnswerMemory(max_bytes=12_000, max_entries=5, removed=lambda key, _: gone.append(key))
    for key, size in puts:
        memory.put(b"%d" % key, answer(b"x" * size))
    present = [b"%d" % key for key in range(10) if memory.get(b"%d" % key, 0) is not None]
    assert len(memory) == len(present) <= 5
    assert memory.bytes <= 12_000
    memory.clear()
    assert memory.bytes == 0
    assert set(present) <= set(gone)


def test_the_least_recently_used_goes_first() -> None:
    memory = AnswerMemory(max_bytes=1 << 20, max_entries=2)
    memory.put(b"a", answer())
    memory.put(b"b", answer())
    assert memory.get(b"a", 0) is not None
    memory.put(b"c", answer())
    assert [memory.get(key, 0) is not None for key in (b"a", b"b", b"c")] == [True, False, True]


def test_what_has_expired_is_gone() -> None:
    memory = AnswerMemory(max_bytes=1 << 20, max_entries=2)
    memory.put(b"a", answer(expires_s=10))
    assert memory.get(b"a", 9.9) is not None
    assert memory.get(b"a", 10) is None
    assert len(memory) == 0


def test_one_answer_can_t_displace_everything() -> None:
    memory = AnswerMemory(max_bytes=80_000, max_entries=9)
    assert not memory.put(b"a", answer(b"x" * 20_000))
    assert AnswerMemory(max_bytes=80_000, max_entries=0).put(b"a", answer()) is False


def test_a_person_s_answers_can_be_forgotten() -> None:
    store = AnswerStore(None, max_bytes=1 << 20, max_entries=9)
    vector = unit_vector([1.0, 0.0])
    for key, user in ((b"a", "alice"), (b"b", "bob")):
        store.put(key, CachedAnswer(**{**_fields(answer(user=user)), "namespace": b"n"}), vector)
    assert store.erase_user("p", "alice") == 1
    assert store.nearest(b"n", vector) is not None  # type: ignore[arg-type]
    assert store.erase("p")
    assert store.nearest(b"n", vector) is None  # type: ignore[arg-type]
    assert not store.erase("p")


def _fields(kept: CachedAnswer) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in CachedAnswer.__struct_fields__}


# ---- what a request says


@pytest.mark.parametrize(
    ("headers", "metadata", "expected"),
    [
        ({}, {}, {}),
        ({b"cache-control": b"no-cache"}, {}, {"read": False}),
        ({b"cache-control": b"No-Store, max-stale=9"}, {}, {"store": False}),
        ({b"cache-control": b"max-age=60"}, {}, {"max_age_s": 60.0}),
        ({b"cache-control": b"max-age=-1"}, {}, {}),
        ({b"x-kaname-cache": b"off"}, {}, {"read": False, "store": False}),
        ({b"x-kaname-cache": b"exact, scope=key, ttl=5"}, {}, {"semantic": False, "own_scope": True, "ttl_s": 5.0}),
        ({b"x-kaname-cache": b"scope=project"}, {}, {}),
        ({}, {"kaname_cache": "no-store"}, {"store": False}),
    ],
)
def test_wishes(headers: dict[bytes, bytes], metadata: dict[str, str], expected: dict[str, Any]) -> None:
    assert read_control(headers, metadata) == DEFAULT._replace(**expected)


@pytest.mark.parametrize("value", [b"sometimes", b"ttl=soon", b"scope=world", b"x" * 300, b""])
def test_unknown_wishes_are_refused(value: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_control({b"x-kaname-cache": value}, {})
    assert caught.value.param == "x-kaname-cache"


# ---- similar questions


def test_the_nearest_is_found_among_many() -> None:
    rng = random.Random(7)
    index = SemanticIndex()
    kept = [unit_vector([rng.gauss(0.3, 1) for _ in range(384)]) for _ in range(MAX_PER_NAMESPACE)]
    for i, vector in enumerate(kept):
        assert vector is not None
        index.put(b"n", b"%d" % i, vector)
    found = 0
    for i, vector in enumerate(kept[:100]):
        assert vector is not None
        near = index.nearest(b"n", unit_vector([v + rng.gauss(0, 0.01) for v in vector.values]))  # type: ignore[arg-type]
        assert near is not None
        found += near.key == b"%d" % i
        assert near.similarity > 0.95
    assert found == 100
    assert index.nearest(b"other", kept[0]) is None  # type: ignore[arg-type]


def test_the_oldest_of_a_namespace_goes() -> None:
    index = SemanticIndex()
    vector = unit_vector([1.0, 2.0])
    assert vector is not None
    for i in range(MAX_PER_NAMESPACE + 5):
        index.put(b"n", b"%d" % i, vector)
    assert len(index) == MAX_PER_NAMESPACE


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50))
def test_vectors_survive_being_packed(values: list[float]) -> None:
    vector = unit_vector(values)
    if vector is not None:
        assert unpack(pack(vector)) == vector


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [float("nan")], [float("inf"), 1.0]])
def test_what_isn_t_a_direction_isn_t_kept(values: list[float]) -> None:
    assert unit_vector(values) is None


def test_vectors_of_another_length_are_never_near() -> None:
    index = SemanticIndex()
    one, two = unit_vector([1.0, 0.0]), unit_vector([1.0, 0.0, 0.0])
    assert one is not None
    assert two is not None
    index.put(b"n", b"k", one)
    assert index.nearest(b"n", two) is None


# ---- what is kept


def record(**fields: Any) -> GatewayRecord:
    return GatewayRecord(
        **{
            "project_id": "p", "request_id": "r", "trace_id": "t", "span_id": "s", "surface": "chat_completions",
            "start_ns": 1, "duration_ns": 1, "status": 200, "response": b"{}", "response_format": "json",
            "finish_reasons": ["stop"], **fields,
        }
    )  # fmt: skip


BLOCK = GuardRecord(guard="pii", point="output", action="block", start_ns=1, duration_ns=1)
MASK = GuardRecord(guard="pii", point="output", action="mask", start_ns=1, duration_ns=1)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, True),
        ({"finish_reasons": ["length"]}, True),
        ({"surface": "embeddings", "finish_reasons": []}, True),
        ({"guards": [MASK]}, True),
        ({"outcome": "incomplete"}, False),
        ({"outcome": "cancelled"}, False),
        ({"status": 429}, False),
        ({"finish_reasons": []}, False),
        ({"finish_reasons": ["stop", "content_filter"]}, False),
        ({"surface": "messages", "finish_reasons": ["refusal"]}, False),
        ({"surface": "responses", "finish_reasons": ["queued"]}, False),
        ({"response_truncated": True}, False),
        ({"malformed_events": 1}, False),
        ({"guards": [BLOCK]}, False),
    ],
)
def test_only_complete_unblocked_answers_are_kept(fields: dict[str, Any], kept: bool) -> None:
    assert is_storable(record(**fields)) is kept


# ---- configuration

CONFIG = """providers: {box: {base_url: "http://127.0.0.1:1/v1", allow_private: true}}
models:
  bot: {use: box/m, cache: %s}
"""


def cache_of(text: str, config: str = CONFIG) -> Any:
    return parse_config(config % text, "gateway.yaml", environment_keys({})).models["bot"].cache


def test_the_documented_form() -> None:
    policy = cache_of("{exact: 30m, semantic: {threshold: 0.97, ttl: 2h, scope: key}, scope: project}")
    assert (policy.exact_s, policy.scope, policy.keep_s) == (1800.0, "project", 7200.0)
    assert (policy.semantic.threshold, policy.semantic.ttl_s, policy.semantic.scope) == (0.97, 7200.0, "key")
    assert cache_of("{semantic: {ttl: 2h}}").exact_s == 7200.0


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{}", "models.bot.cache"),
        ("{exact: forever}", "models.bot.cache.exact"),
        ("{exact: 1h, scope: world}", "models.bot.cache.scope"),
        ("{exact: 1h, semantic: {threshold: 0.5}}", "models.bot.cache.semantic.threshold"),
        ("{exact: 1h, size: 3}", "models.bot.cache.size"),
    ],
)
def test_mistakes_are_named(text: str, path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cache_of(text)
    assert f"gateway.yaml:3: {path}" in caught.value.message


def test_the_version_follows_what_can_change_an_answer() -> None:
    version = cache_of("{exact: 1h}").version
    assert cache_of("{exact: 2h}").version == version
    other = CONFIG.replace("true}}", "true, stream_usage: false}}")
    assert cache_of("{exact: 1h}", other).version != version
    assert cache_of("{exact: 1h}", CONFIG.replace("box/m", "box/n")).version != version
    assert cache_of("{exact: 1h}", CONFIG + "  other: {use: box/x}\n").version == version
