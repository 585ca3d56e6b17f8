"""What an import gives: our text, and every line of theirs that it couldn't carry over."""

from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from kaname.gateway.yaml_tree import Node


class Note(NamedTuple):
    """Something that is lost or differs. `line` is in the other configuration."""

    line: int
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A valid `gateway.yaml`, and what people should look at."""

    text: str
    notes: list[Note]


@dataclass(slots=True)
class Notes:
    """Collects notes in the order of their lines."""

    found: list[Note] = field(default_factory=list[Note])

    def add(self, node: Node, text: str) -> None:
        """About one place."""
        self.found.append(Note(node.line, node.path, text))

    def in_order(self) -> list[Note]:
        """By line."""
        return sorted(self.found)


class _PlainDumper(yaml.SafeDumper):
    """Repeats what stands twice: people don't expect anchors in a short file."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def write_yaml(document: dict[str, object], head: str) -> str:
    """A configuration as text: leaves on one line, order kept."""
    body = yaml.dump(
        document, Dumper=_PlainDumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )
    return f"{head}{body}"
