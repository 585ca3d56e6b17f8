"""The tree of a trace for every order, gap and loop of parent ids."""

from hypothesis import given
from hypothesis import strategies as st

from kaname.traces.tree import Tree, arrange


def ids(tree: Tree, span_ids: list[str]) -> list[str]:
    return [span_ids[r] if r >= 0 else f"?{tree.missing_ids[-1 - r]}" for r in tree.rows]


def test_pre_order_with_siblings_in_the_order_given() -> None:
    spans = ["b", "root", "a", "a1"]
    tree = arrange(spans, ["root", "", "root", "a"])
    assert ids(tree, spans) == ["root", "b", "a", "a1"]
    assert tree.parent_index == [-1, 0, 0, 2]
    assert tree.depth == [0, 1, 1, 2]


def test_children_of_a_missing_parent_hang_under_one_stand_in() -> None:
    spans = ["x", "y", "z"]
    tree = arrange(spans, ["gone", "", "gone"])
    assert ids(tree, spans) == ["?gone", "x", "z", "y"]
    assert tree.parent_index == [-1, 0, 0, -1]
    assert tree.missing_ids == ["gone"]


def test_a_span_that_is_its_own_parent_is_a_root() -> None:
    tree = arrange(["a", "b"], ["a", "a"])
    assert tree.parent_index == [-1, 0]


def test_a_loop_is_cut_at_its_earliest_span() -> None:
    spans = ["a", "b", "c", "tail"]
    tree = arrange(spans, ["c", "a", "b", "b"])
    assert ids(tree, spans) == ["a", "b", "c", "tail"]
    assert tree.depth == [0, 1, 2, 2]


def test_thirty_thousand_levels_deep() -> None:
    n = 30_000
    spans = [str(i) for i in range(n)]
    tree = arrange(spans, ["", *spans[:-1]])
    assert tree.depth[-1] == n - 1


def test_no_spans_no_tree() -> None:
    assert arrange([], []) == Tree(rows=[], parent_index=[], depth=[], missing_ids=[])


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(-1, 16)), max_size=40))
def test_every_span_comes_once_and_after_its_parent(links: list[tuple[int, int]]) -> None:
    spans = [str(a) for a, _ in links]
    parents = ["" if p < 0 else str(p) for _, p in links]
    tree = arrange(spans, parents)
    assert sorted(r for r in tree.rows if r >= 0) == list(range(len(spans)))
    assert [r for r in tree.rows if r < 0] == sorted((r for r in tree.rows if r < 0), reverse=True)
    for at, parent in enumerate(tree.parent_index):
        assert parent < at
        assert tree.depth[at] == (0 if parent < 0 else tree.depth[parent] + 1)
        row = tree.rows[at]
        if parent >= 0 and tree.rows[parent] >= 0:
            assert spans[tree.rows[parent]] == parents[row]
        elif parent >= 0:
            assert tree.missing_ids[-1 - tree.rows[parent]] == parents[row]
            assert parents[row] not in spans
