"""Section `guardrails`, of the whole file or of a model.

    guardrails:
      input: [pii, {injection: {action: observe}}, {max_cost: 0.05}]
      output: [secrets, {schema: answer.json}]
      stream: {hold_back: 200}

An entry is a kind of guard, alone or with its options; a bare value stands for the kind's main option. A model's
section takes the place of the whole file's; `guardrails: {}` switches it off for that model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, cast

from kaname.gateway.config.values import duration_s, number, word
from kaname.gateway.guardrails.model import (
    DEFAULT_HOLD_BACK,
    DEFAULT_TIMEOUT_S,
    ROLES,
    Action,
    CallGuard,
    Guard,
    GuardKind,
    Guards,
    OnError,
    Role,
    Side,
    TextGuard,
)
from kaname.gateway.guardrails.registry import GUARD_KINDS
from kaname.gateway.yaml_tree import Node

MAX_GUARDS = 32
_SECTION = ("input", "output", "stream", "message")
_COMMON = ("name", "action", "on_error", "timeout", "roles", "with")


def read_guardrails(node: Node) -> Guards:
    """The guards of a section."""
    fields = node.fields(_SECTION)
    stream: Mapping[str, Node] = fields["stream"].fields(("hold_back",)) if "stream" in fields else {}
    return Guards(
        input=_guards(fields.get("input"), "input"),
        output=_guards(fields.get("output"), "output"),
        hold_back=stream["hold_back"].integer(48, 8192) if "hold_back" in stream else DEFAULT_HOLD_BACK,
        message=fields["message"].text() if "message" in fields else "",
    )


def _guards(node: Node | None, side: Side) -> tuple[Guard, ...]:
    if node is None:
        return ()
    guards: list[Guard] = []
    for child in node.items():
        guard = _guard(child, side)
        if any(other.name == guard.name for other in guards):
            child.refuse(f"two guards are called {guard.name!r}", "Give one of them another `name`.")
        guards.append(guard)
    if len(guards) > MAX_GUARDS:
        node.refuse(f"has more than {MAX_GUARDS} guards")
    return tuple(guards)


def _guard(node: Node, side: Side) -> Guard:
    name, value = _entry(node)
    if name not in GUARD_KINDS.names():
        node.refuse(f"no guardrail is called {name!r}", f"Known: {', '.join(GUARD_KINDS.names())}.")
    kind = GUARD_KINDS.get(name)
    if side not in kind.sides:
        node.refuse(f"{name!r} can't look at the {side}", f"It belongs to {', '.join(kind.sides)}.")
    fields = _fields(kind, node, value)
    action = cast("Action", word(fields["action"], kind.actions)) if "action" in fields else kind.actions[0]
    built = kind.build(NodeOptions(value or node, fields), side)
    if action == "replace" and "with" not in fields:
        (value or node).refuse("`with` is missing", "Write what stands in place of what is found.")
    if "with" in fields and action != "replace":
        fields["with"].refuse("has no effect", "It belongs to `action: replace`.")
    if "timeout" in fields and not kind.waits:
        fields["timeout"].refuse("has no effect", f"{name!r} decides at once.")
    if "roles" in fields and (side == "output" or kind.waits):
        fields["roles"].refuse("has no effect", "It belongs to guards that look at the texts of a request.")
    repair = fields["repair"].boolean() if "repair" in fields else True
    return Guard(
        name=fields["name"].text() if "name" in fields else name,
        action=action,
        on_error=cast("OnError", word(fields["on_error"], ("block", "allow")))
        if "on_error" in fields
        else kind.on_error,
        timeout_s=duration_s(fields["timeout"]) if "timeout" in fields else DEFAULT_TIMEOUT_S,
        roles=_roles(fields["roles"]) if "roles" in fields else kind.roles,
        replacement=fields["with"].text() if "with" in fields else "",
        text=None if kind.waits else cast("TextGuard", built),
        call=cast("CallGuard", built) if kind.waits else None,
        retries="repair" in kind.options and repair and action == "block",
        sensitive=kind.sensitive,
        keep_value=kind.sensitive and side == "input",
    )


def _entry(node: Node) -> tuple[str, Node | None]:
    """`pii`, `{pii: {…}}` or `{schema: answer.json}`."""
    if isinstance(node.value, str):
        return node.value, None
    mapping = node.mapping()
    if len(mapping) != 1:
        node.refuse("expected one kind of guard", "Write `pii`, or `{pii: {action: block}}`.")
    return next(iter(mapping.items()))


def _fields(kind: GuardKind, node: Node, value: Node | None) -> Mapping[str, Node]:
    if value is None:
        return {}
    if isinstance(value.value, Mapping):
        return value.fields((*_COMMON, *kind.options))
    if not kind.main:
        node.refuse(f"{kind.name!r} takes a map of options", f"Known: {', '.join((*_COMMON, *kind.options))}.")
    return {kind.main: value}


def _roles(node: Node) -> frozenset[Role]:
    return frozenset(cast("Role", word(child, ROLES)) for child in node.items())


class NodeOptions:
    """See `guardrails.model.Options`."""

    def __init__(self, node: Node, fields: Mapping[str, Node]) -> None:
        self._node = node
        self._fields = fields

    def has(self, name: str) -> bool:
        """Whether it is set."""
        return name in self._fields

    def text(self, name: str, default: str = "") -> str:
        """Non-empty text."""
        return self._fields[name].text() if name in self._fields else default

    def words(self, name: str) -> Sequence[str]:
        """A list of texts; a single one may stand alone."""
        node = self._fields.get(name)
        if node is None:
            return ()
        return [node.text()] if isinstance(node.value, str) else [child.text() for child in node.items()]

    def number(self, name: str, least: float, most: float, default: float) -> float:
        """A number within bounds."""
        return number(self._fields[name], least, most) if name in self._fields else default

    def integer(self, name: str, least: int, most: int, default: int) -> int:
        """A whole number within bounds."""
        return self._fields[name].integer(least, most) if name in self._fields else default

    def plain(self, name: str) -> object:
        """The value as JSON would hold it; None when it isn't set."""
        return self._fields[name].plain() if name in self._fields else None

    def read_file(self, name: str) -> str:
        """The text of a file beside the configuration; it is read when the configuration is."""
        node = self._fields[name]
        path = Path(node.source).parent / node.text()
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as e:
            node.refuse(
                f"can't read {str(path)!r}: {e.__class__.__name__}", "Paths begin at the configuration's folder."
            )

    def refuse(self, name: str, problem: str, hint: str = "") -> NoReturn:
        """Raises ConfigurationError that names file, line and path."""
        self._fields.get(name, self._node).refuse(problem, hint or "See docs/en/guardrails.md.")
