"""Rebuilds lists and objects from flattened attribute keys such as `llm.input_messages.0.message.role`.

Hostile input: one key `…999999999.x` must not allocate. Each prefix of a span may rebuild `SLOT_BUDGET` list slots;
keys beyond stay raw and are counted. `__proto__`, `constructor` and `prototype` are ignored, because JSON of ours is
read by JavaScript. A key that is both a leaf and a parent: the leaf wins, whichever comes first. Missing indices of a
list are closed up, in index order.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast

from kaname.traces.model import Attributes, AttributeValue

SLOT_BUDGET = 10_001
_MAX_DEPTH = 24
_CACHED_KEY_CHARS = 200
_FORBIDDEN = frozenset({"__proto__", "constructor", "prototype"})

_Step = str | int


class _Node(dict[_Step, object]):
    """An object or list under construction; told by its type from objects that arrived as values."""


def unflatten(items: Iterable[tuple[str, AttributeValue]]) -> tuple[AttributeValue, int]:
    """The value that these (path, leaf) pairs spell, and how many were over budget; (None, 0) if there are none."""
    root = _Node()
    budget = SLOT_BUDGET
    over = 0
    for path_text, value in items:
        path = _cached_path(path_text) if len(path_text) <= _CACHED_KEY_CHARS else _path_of(path_text)
        added = _insert(root, path, value, budget) if path else None
        if added is None:
            over += 1
        else:
            budget -= added
    return (_dense(root) if root else None), over


def below(attributes: Attributes, prefix: str) -> Iterator[tuple[str, AttributeValue]]:
    """The attributes under a prefix, which ends in a dot, without it."""
    skip = len(prefix)
    return ((key[skip:], value) for key, value in attributes.items() if key.startswith(prefix))


def _insert(root: _Node, path: tuple[_Step, ...], value: AttributeValue, budget: int) -> int | None:
    """Puts a value in its place; returns the list slots it took, or None if that is over budget."""
    node, added = root, 0
    for step in path[:-1]:
        child = node.get(step)
        if type(child) is not _Node:
            if child is not None:
                return added
            if type(step) is int:
                added += 1
                if added > budget or step >= SLOT_BUDGET:
                    return None
            child = _Node()
            node[step] = child
        node = child
    last = path[-1]
    if type(last) is int and last not in node:
        added += 1
        if added > budget or last >= SLOT_BUDGET:
            return None
    node[last] = value
    return added


def _path_of(tail: str) -> tuple[_Step, ...]:
    """The steps of a key, indices as integers; () if the key is too deep or has a forbidden or empty step."""
    steps = tail.split(".")
    if len(steps) > _MAX_DEPTH or "" in steps or not _FORBIDDEN.isdisjoint(steps):
        return ()
    return tuple(int(s) if s.isdecimal() and s.isascii() and len(s) <= 12 else s for s in steps)


_cached_path = lru_cache(maxsize=16_384)(_path_of)


def _dense(node: _Node) -> AttributeValue:
    if type(next(iter(node))) is int and all(type(step) is int for step in node):
        steps = sorted(cast("dict[int, object]", node))
        return [_finished(node[step]) for step in steps]
    return {
        str(step): _dense(child) if type(child) is _Node else cast("AttributeValue", child)
        for step, child in node.items()
    }


def _finished(child: object) -> AttributeValue:
    return _dense(child) if type(child) is _Node else cast("AttributeValue", child)
