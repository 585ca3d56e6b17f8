"""One registry type for every kind of plug-in. Built-ins register exactly as a third party does.

A third party names its plug-in in the entry-point group `kaname.<kind>`; it is imported on first use. So can a built-in
be whose import costs what most installations don't need.
"""

import importlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from kaname.kernel.errors import ConflictError, NotFoundError

T = TypeVar("T")


class Registry(Generic[T]):
    """Plug-ins of one kind by name. `kind` is the singular noun used in messages, e.g. `dialect`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        self._places: dict[str, str] = {}

    def register(self, name: str, item: T) -> T:
        """Adds a plug-in; a name can be taken once."""
        if name in self._items:
            raise ConflictError(f"{self.kind} {name!r} is registered twice", hint="Give one of them another name.")
        self._items[name] = item
        return item

    def register_at(self, name: str, place: str) -> None:
        """Adds a plug-in that is imported on first use: `package.module:ATTRIBUTE`."""
        if name in self._items or name in self._places:
            raise ConflictError(f"{self.kind} {name!r} is registered twice", hint="Give one of them another name.")
        self._places[name] = place

    def get(self, name: str) -> T:
        """The plug-in of this name; raises NotFoundError with the known names."""
        if name not in self._items:
            self._load(name)
        if name not in self._items:
            known = ", ".join(sorted(self._items)) or "none"
            raise NotFoundError(f"no {self.kind} is called {name!r}", hint=f"Known: {known}.")
        return self._items[name]

    def names(self) -> list[str]:
        """Names of all plug-ins, installed third-party ones included, sorted."""
        return sorted({*self._items, *self._places, *(e.name for e in entry_points(group=f"kaname.{self.kind}"))})

    def items(self) -> Iterator[tuple[str, T]]:
        """(name, plug-in) in order of registration, loaded ones only."""
        return iter(list(self._items.items()))

    def _load(self, name: str) -> None:
        if (place := self._places.get(name)) is not None:
            module, _, attribute = place.partition(":")
            self._items[name] = getattr(importlib.import_module(module), attribute)
            return
        for entry in entry_points(group=f"kaname.{self.kind}", name=name):
            self._items.setdefault(name, entry.load())
