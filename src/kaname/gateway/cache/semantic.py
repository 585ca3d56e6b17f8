"""Similar questions: vectors of one namespace, and the nearest of them.

A namespace is everything that must be equal: project, scope, surface, route and its version, model, instructions,
earlier turns, tools, parameters and the embedder's identity. Within it the nearest vector by cosine is taken if it
reaches the threshold. The search first ranks by the signs of the components (a few machine words each), then compares
the nearest `EXACT` exactly: it may overlook an answer, which costs a call, and never gives a wrong cosine.
Sign signatures: Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from heapq import nsmallest
from math import fsum, sqrt
from operator import mul
from typing import NamedTuple

from kaname.gateway.cache.model import Key

MAX_PER_NAMESPACE = 1024
MAX_NAMESPACES = 4096
EXACT = 16


class Vector(NamedTuple):
    """`values`: unit norm. `signs`: bit i is set when component i is above the mean of all components."""

    values: "array[float]"
    signs: int


class Near(NamedTuple):
    """The nearest kept question."""

    key: Key
    similarity: float


def unit_vector(values: Sequence[float]) -> Vector | None:
    """The vector scaled to unit norm; None for one without direction or with values that aren't finite."""
    norm = sqrt(fsum(value * value for value in values))
    if not 0.0 < norm < float("inf"):
        return None
    return _with_signs(array("f", [value / norm for value in values]))


def pack(vector: Vector) -> bytes:
    """Little-endian float32."""
    return vector.values.tobytes()


def unpack(packed: bytes) -> Vector:
    """The reverse of `pack`."""
    values = array("f")
    values.frombytes(packed[: len(packed) // 4 * 4])
    return _with_signs(values)


def _with_signs(values: "array[float]") -> Vector:
    mean = fsum(values) / len(values) if values else 0.0
    return Vector(values, int("0" + "".join("1" if value > mean else "0" for value in values), 2))


class SemanticIndex:
    """Vectors by namespace. The caller removes what the store behind it no longer has."""

    def __init__(self) -> None:
        self._spaces: OrderedDict[bytes, OrderedDict[Key, Vector]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(space) for space in self._spaces.values())

    def put(self, namespace: bytes, key: Key, vector: Vector) -> None:
        """Adds a question; the namespace's oldest goes when there are too many."""
        space = self._spaces.get(namespace)
        if space is None:
            if len(self._spaces) >= MAX_NAMESPACES:
                self._spaces.popitem(last=False)
            space = self._spaces[namespace] = OrderedDict()
        space[key] = vector
        if len(space) > MAX_PER_NAMESPACE:
            space.popitem(last=False)

    def remove(self, namespace: bytes, key: Key) -> None:
        """Forgets a question."""
        space = self._spaces.get(namespace)
        if space is not None:
            space.pop(key, None)
            if not space:
                del self._spaces[namespace]

    def nearest(self, namespace: bytes, vector: Vector) -> Near | None:
        """The nearest question of a namespace; None in an empty one."""
        space = self._spaces.get(namespace)
        if not space:
            return None
        candidates = list(space.items())  # a copy: the thread that erases projects may remove from it
        if len(candidates) > EXACT:
            signs = vector.signs
            candidates = nsmallest(EXACT, candidates, key=lambda item: (item[1].signs ^ signs).bit_count())
        values = vector.values
        alike = [(sum(map(mul, values, v.values)), key) for key, v in candidates if len(v.values) == len(values)]
        best = max(alike, default=None)
        return Near(best[1], best[0]) if best is not None else None
