"""YAML as plain values that remember their lines, so that a configuration error can say where it is.

Safe: only plain scalars, lists and maps with text keys; repeated keys are refused; the number of nodes is bounded,
because aliases can make a small file huge. Not a schema: `config.py` knows what belongs where.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, cast

import yaml

from kaname.kernel.errors import ConfigurationError

MAX_NODES = 50_000
MAX_DEPTH = 50
Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value at a path. `value` is a scalar, a list of nodes, or a map of nodes."""

    path: str
    line: int
    source: str
    value: "Scalar | Sequence[Node] | Mapping[str, Node]"

    def refuse(self, problem: str, hint: str = "See docs/en/gateway.md.") -> NoReturn:
        """Raises ConfigurationError that names file, line and path."""
        at = f"{self.source}:{self.line}"
        raise ConfigurationError(
            f"{at}: {self.path or 'the file'}: {problem}", hint=hint, code="gateway_config_invalid",
            params={"line": self.line, "path": self.path, "problem": problem},
        )  # fmt: skip

    def fields(self, known: Sequence[str]) -> "Mapping[str, Node]":
        """The value as a map in which only `known` keys may stand."""
        mapping = self.mapping()
        for key, child in mapping.items():
            if key not in known:
                child.refuse(f"unknown key {key!r}", f"Known here: {', '.join(known)}.")
        return mapping

    def mapping(self) -> "Mapping[str, Node]":
        """The value as a map; an empty value is an empty map."""
        if self.value is None:
            return {}
        if not isinstance(self.value, Mapping):
            self.refuse(f"expected a map, found {_describe(self.value)}")
        return self.value

    def items(self) -> "Sequence[Node]":
        """The value as a list; an empty value is an empty list."""
        if self.value is None:
            return []
        if isinstance(self.value, (str, Mapping)) or not isinstance(self.value, Sequence):
            self.refuse(f"expected a list, found {_describe(self.value)}")
        return self.value

    def plain(self) -> object:
        """The value as JSON would hold it."""
        if isinstance(self.value, Mapping):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, Sequence) and not isinstance(self.value, str):
            return [child.plain() for child in self.value]
        return self.value

    def text(self) -> str:
        """The value as non-empty text."""
        if not isinstance(self.value, str) or not self.value:
            self.refuse(f"expected text, found {_describe(self.value)}")
        return self.value

    def boolean(self) -> bool:
        """The value as true or false."""
        if not isinstance(self.value, bool):
            self.refuse(f"expected true or false, found {_describe(self.value)}")
        return self.value

    def integer(self, least: int, most: int) -> int:
        """The value as a whole number within bounds."""
        value = self.value
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.refuse(f"expected a whole number from {least} to {most}, found {_describe(value)}")
        return value


def read_tree(text: str, source: str) -> Node:
    """Parses a document; raises ConfigurationError."""
    try:
        root = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark is not None else 0
        raise ConfigurationError(
            f"{source}:{line}: not valid YAML: {e.problem}", hint="Mend the file.", code="gateway_config_invalid",
            params={"line": line, "path": "", "problem": f"not valid YAML: {e.problem}"},
        ) from e  # fmt: skip
    except (yaml.YAMLError, RecursionError) as e:
        raise ConfigurationError(
            f"{source}: not valid YAML: {e}", hint="Mend the file.", code="gateway_config_invalid"
        ) from e
    if root is None:
        return Node(path="", line=1, source=source, value=None)
    return _Builder(source).build(root, "", 0)


class _Builder:
    def __init__(self, source: str) -> None:
        self._source = source
        self._scalars = yaml.SafeLoader("")
        self._count = 0

    def build(self, node: yaml.Node, path: str, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            Node(path=path[:80], line=line, source=self._source, value=None).refuse("the file is too large or too deep")
        if isinstance(node, yaml.MappingNode):
            return Node(path=path, line=line, source=self._source, value=dict(self._entries(node, path, depth)))
        if isinstance(node, yaml.SequenceNode):
            children = [self.build(child, f"{path}[{i}]", depth + 1) for i, child in enumerate(node.value)]
            return Node(path=path, line=line, source=self._source, value=children)
        try:
            value = cast("object", self._scalars.construct_object(node))  # pyright: ignore[reportUnknownMemberType]
        except (yaml.YAMLError, ValueError):  # a tag we don't have, or a number that isn't one
            Node(path=path, line=line, source=self._source, value=None).refuse(f"can't read {node.value!r:.80}")
        if not isinstance(value, (str, int, float, bool, type(None))):
            value = str(node.value)  # a date stays the text it was written as
        return Node(path=path, line=line, source=self._source, value=value)

    def _entries(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[tuple[str, Node]]:
        seen: set[str] = set()
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                Node(path=path, line=line, source=self._source, value=None).refuse("a key must be text")
            key = str(key_node.value)
            child = f"{path}.{key}" if path else key
            if key in seen:
                Node(path=child, line=line, source=self._source, value=None).refuse("this key is repeated")
            seen.add(key)
            built = self.build(value_node, child, depth + 1)
            yield key, Node(path=child, line=line, source=self._source, value=built.value)


def _describe(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (str, int, float, bool)):
        return repr(value)
    return "a map" if isinstance(value, Mapping) else "a list"
