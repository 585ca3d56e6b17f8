"""What a guard is, and what a route's guards are once the configuration has been read.

Two kinds of guard. A `TextGuard` finds stretches of a text, at once and without waiting, so it works on streams as they
pass. A `CallGuard` judges a whole request or a whole answer and may wait, so on a stream it holds everything back until
the end, unless it only observes. Guards never see each other; all hold for one configuration and serve every call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from kaname.privacy.model import Finding

Action = Literal["observe", "block", "mask", "replace"]
OnError = Literal["block", "allow"]
Point = Literal["input", "output", "stream"]
Side = Literal["input", "output"]
Role = Literal["system", "user", "assistant", "tool"]
Document = dict[str, object]

ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
UNTRUSTED: frozenset[Role] = frozenset({"user", "tool"})
"""Whose words nobody vouches for."""
DEFAULT_HOLD_BACK = 200
DEFAULT_TIMEOUT_S = 5.0


class TextGuard(Protocol):
    """Finds stretches of a text. Pure, linear in its length, at most about 100 µs a kilobyte."""

    def find(self, text: str) -> list[Finding]:
        """In order, not overlapping. `kind` names the rule; it and the count are all that is recorded."""
        ...


class AskModel(Protocol):
    """Calls a model through the gateway itself, on the account of the call that is being checked."""

    async def __call__(self, document: Document, *, timeout_s: float) -> Document:
        """The `chat.completion` for a chat request; raises KanameError."""
        ...


class Subject(NamedTuple):
    """What a `CallGuard` judges."""

    side: Side
    document: Document
    """The request, or the answer, in the client's format."""
    text: str
    """What it says, texts joined by line ends; on the input side what users and tools say."""
    question: str
    """On the output side: what users said."""
    cost_nano_usd: Callable[[], int | None]
    """What the call is estimated to cost; None: the price is unknown."""
    ask: AskModel


class CallGuard(Protocol):
    """Judges a whole request or answer."""

    async def check(self, subject: Subject) -> str:
        """Why it is refused, in words that quote none of it; "" when it is fine."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One guard of a route, as configured."""

    name: str
    action: Action
    on_error: OnError
    timeout_s: float = DEFAULT_TIMEOUT_S
    roles: frozenset[Role] = frozenset(ROLES)
    """Input side: whose words are looked at."""
    replacement: str = ""
    """With `replace`: what stands in place of what was found."""
    text: TextGuard | None = None
    call: CallGuard | None = None
    retries: bool = False
    """Output side: the model may answer once more, told why."""
    sensitive: bool = False
    """What it finds must not be recorded."""
    keep_value: bool = False
    """With `mask`: what was found is put back into the answer."""

    @property
    def enforces(self) -> bool:
        """Whether it changes or stops anything."""
        return self.action != "observe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """All guards of a route."""

    input: tuple[Guard, ...] = ()
    output: tuple[Guard, ...] = ()
    hold_back: int = DEFAULT_HOLD_BACK
    """Streams: how many characters wait for what comes after them."""
    message: str = ""
    """What the client reads in place of a blocked answer; "" for nothing."""

    def __bool__(self) -> bool:
        return bool(self.input or self.output)


class Options(Protocol):
    """The settings of one guard in the configuration, as its kind reads them. `refuse` names file and line."""

    def text(self, name: str, default: str = "") -> str: ...
    def words(self, name: str) -> Sequence[str]: ...
    def number(self, name: str, least: float, most: float, default: float) -> float: ...
    def integer(self, name: str, least: int, most: int, default: int) -> int: ...
    def plain(self, name: str) -> object: ...
    def has(self, name: str) -> bool: ...
    def read_file(self, name: str) -> str: ...
    def refuse(self, name: str, problem: str, hint: str = "") -> Exception:
        """Raises; never returns."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardKind:
    """A kind of guard: the plug-in. Third parties name theirs in the entry-point group `kaname.guardrail`."""

    name: str
    build: Callable[[Options, Side], "TextGuard | CallGuard"]
    """From its options; refuses through them."""
    options: tuple[str, ...] = ()
    main: str = ""
    """The option that a bare value stands for: `{schema: answer.json}`."""
    actions: tuple[Action, ...] = ("block", "observe")
    """What it can do; the first is what it does unless told otherwise."""
    sides: tuple[Side, ...] = ("input", "output")
    on_error: OnError = "block"
    roles: frozenset[Role] = frozenset(ROLES)
    waits: bool = False
    """It builds a `CallGuard`."""
    sensitive: bool = False
    """What it finds must not be recorded; masked in a request, it is put back into the answer."""


def join_counts(counts: Mapping[str, int]) -> str:
    """`2 × EMAIL, 1 × PHONE`: rules and counts, the commonest first; never what was found."""
    return ", ".join(f"{n} × {kind}" for kind, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
