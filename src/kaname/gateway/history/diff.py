"""What differs between two texts of the configuration: as a unified diff, and by path, for whoever thinks in routes."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from kaname.gateway.yaml_tree import read_tree
from kaname.kernel.errors import ConfigurationError

ChangeKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """One value that differs. `before` and `after` are as JSON would hold them; None also where there is nothing."""

    path: str
    kind: ChangeKind
    before: object = None
    after: object = None


def unified_diff(before: str, after: str, before_name: str, after_name: str) -> str:
    """Lines in the format of `diff -u`; empty for equal texts."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def path_changes(before: str, after: str) -> list[PathChange]:
    """Values that differ, whatever their order and layout in the text; all of it where a text isn't YAML."""
    return list(_changes("", _plain(before), _plain(after)))


def _plain(text: str) -> object:
    try:
        return read_tree(text, "gateway.yaml").plain()
    except ConfigurationError:
        return text


def _changes(path: str, before: object, after: object) -> Iterator[PathChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _map_changes(path, cast("Mapping[str, object]", before), cast("Mapping[str, object]", after))
        return
    if isinstance(before, list) and isinstance(after, list):
        yield from _list_changes(path, cast("list[object]", before), cast("list[object]", after))
        return
    old: object = cast("object", before)  # pyright: ignore[reportUnnecessaryCast] - isinstance narrowed it
    new: object = after
    if old != new or type(old) is not type(new):
        yield PathChange(path=path, kind="changed", before=old, after=new)


def _map_changes(path: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[PathChange]:
    for key in dict.fromkeys([*before, *after]):
        inner = f"{path}.{key}" if path else key
        if key not in after:
            yield PathChange(path=inner, kind="removed", before=before[key])
        elif key not in before:
            yield PathChange(path=inner, kind="added", after=after[key])
        else:
            yield from _changes(inner, before[key], after[key])


def _list_changes(path: str, before: Sequence[object], after: Sequence[object]) -> Iterator[PathChange]:
    """By position: the order of steps and fallbacks matters."""
    for i in range(max(len(before), len(after))):
        inner = f"{path}[{i}]"
        if i >= len(after):
            yield PathChange(path=inner, kind="removed", before=before[i])
        elif i >= len(before):
            yield PathChange(path=inner, kind="added", after=after[i])
        else:
            yield from _changes(inner, before[i], after[i])
