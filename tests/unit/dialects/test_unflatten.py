"""Un-flattening reverses flattening and survives hostile keys."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kaname.traces import unflatten as module
from kaname.traces.unflatten import SLOT_BUDGET, below

names = st.text("abcxyz_", min_size=1, max_size=6)
leaves = st.text(max_size=5) | st.integers() | st.booleans()
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(names, inner, min_size=1, max_size=4),
)


def unflatten(attributes: dict[str, Any], prefix: str) -> tuple[Any, int]:
    return module.unflatten(below(attributes, prefix))


def flatten(value: Any, prefix: str, into: dict[str, Any]) -> dict[str, Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            flatten(item, f"{prefix}.{key}", into)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            flatten(item, f"{prefix}.{index}", into)
    else:
        into[prefix] = value
    return into


@given(st.lists(trees, min_size=1, max_size=4), st.randoms())
def test_unflatten_reverses_flatten_in_any_order(value: list[Any], random: Any) -> None:
    items = list(flatten(value, "p", {}).items())
    random.shuffle(items)
    assert unflatten(dict(items), "p.") == (value, 0)


def test_a_huge_index_is_counted_and_not_allocated() -> None:
    assert unflatten({"p.999999999999.x": 1, "p.0.x": 2}, "p.") == ([{"x": 2}], 1)


def test_the_slot_budget_holds_over_all_lists_of_a_prefix() -> None:
    attributes = {f"p.{i}.q.{j}": 1 for i in range(200) for j in range(100)}
    value, over = unflatten(attributes, "p.")
    assert over > 0
    assert sum(1 + len(item["q"]) for item in value) <= SLOT_BUDGET


def test_a_leaf_wins_over_a_parent_in_either_order() -> None:
    assert unflatten({"p.a": "leaf", "p.a.b": 1}, "p.") == ({"a": "leaf"}, 0)
    assert unflatten({"p.a.b": 1, "p.a": "leaf"}, "p.") == ({"a": "leaf"}, 0)


def test_prototype_keys_are_ignored() -> None:
    attributes = {"p.__proto__.x": 1, "p.constructor": 2, "p.a.prototype.b": 3, "p.ok": 4}
    assert unflatten(attributes, "p.") == ({"ok": 4}, 3)


def test_missing_indices_are_closed_up() -> None:
    assert unflatten({"p.5.x": "b", "p.2.x": "a"}, "p.")[0] == [{"x": "a"}, {"x": "b"}]
