"""The tree of a trace from its spans' parent ids, in pre-order. Pure, linear, safe for any input.

Spans arrive in any order and some never do. Children of a span that isn't there hang under a stand-in for it; a span
that is its own ancestor is cut loose and becomes a root. Siblings keep the order they come in (by start).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Rows in pre-order. `rows[i]` is the number of the input row, or `-1 - k` for stand-in `missing_ids[k]`."""

    rows: list[int]
    parent_index: list[int]
    """Position of the parent in `rows`, -1 for a root."""
    depth: list[int]
    missing_ids: list[str]


def arrange(span_ids: Sequence[str], parent_ids: Sequence[str]) -> Tree:
    """The tree of these spans; both sequences are in order of start."""
    n = len(span_ids)
    row_of: dict[str, int] = {}
    for i, span_id in enumerate(span_ids):
        row_of.setdefault(span_id, i)
    children: list[list[int]] = [[] for _ in range(n)]
    missing: dict[str, int] = {}
    roots: list[int] = []
    parents = [-1] * n
    for i, parent_id in enumerate(parent_ids):
        if not parent_id or parent_id == span_ids[i]:
            roots.append(i)
            continue
        parent = row_of.get(parent_id)
        if parent is None:
            parent = missing.get(parent_id)
            if parent is None:
                parent = missing[parent_id] = len(children)
                children.append([])
                roots.append(parent)
        else:
            parents[i] = parent
        children[parent].append(i)
    walk = _Walk(n, children)
    walk.visit(roots)
    if len(walk.rows) < n + len(missing):
        walk.visit_cycles(parents)
    return Tree(rows=walk.rows, parent_index=walk.parent_index, depth=walk.depth, missing_ids=list(missing))


class _Walk:
    """Depth first without recursion: agents nest thousands deep."""

    def __init__(self, n: int, children: Sequence[Sequence[int]]) -> None:
        self.rows: list[int] = []
        self.parent_index: list[int] = []
        self.depth: list[int] = []
        self._n = n
        self._children = children
        self._seen = bytearray(len(children))

    def visit(self, roots: Sequence[int]) -> None:
        stack = [(root, -1, 0) for root in reversed(roots)]
        while stack:
            node, parent_at, depth = stack.pop()
            if self._seen[node]:
                continue
            self._seen[node] = 1
            at = len(self.rows)
            self.rows.append(node if node < self._n else self._n - 1 - node)
            self.parent_index.append(parent_at)
            self.depth.append(depth)
            stack += [(child, at, depth + 1) for child in reversed(self._children[node])]

    def visit_cycles(self, parents: Sequence[int]) -> None:
        """What no root reaches hangs on a cycle: cut each at its earliest span."""
        for start in range(self._n):
            if self._seen[start]:
                continue
            path: dict[int, None] = {}
            node = start
            while node not in path:
                path[node] = None
                node = parents[node]
            ring = list(path)
            ring = ring[ring.index(node) :]
            self.visit([min(ring)])
