"""What a row needs of a gateway: which surface meets which upstream wire, and where calls go after a failure.

A `Route` is configuration in the suite's own words; each target (`targets.py`) turns it into its own.
"""

from typing import Literal, NamedTuple

Style = Literal["openai", "anthropic"]


class Combo(NamedTuple):
    """A surface over an upstream wire."""

    key: str
    surface: Style
    upstream: Style
    responses: bool = False
    """The Responses surface, whose errors are OpenAI's; an OpenAI upstream then speaks it as well."""

    @property
    def path(self) -> str:
        """Where clients post."""
        if self.responses:
            return "/v1/responses"
        return "/v1/messages" if self.surface == "anthropic" else "/v1/chat/completions"

    @property
    def label(self) -> str:
        """For people."""
        names = {"openai": "responses" if self.responses else "chat", "anthropic": "messages"}
        return f"{names[self.surface]} over {names[self.upstream]}"

    @property
    def translated(self) -> bool:
        """Whether the two sides differ."""
        return self.surface != self.upstream


CHAT = Combo("c", "openai", "openai")
MESSAGES = Combo("m", "anthropic", "anthropic")
MESSAGES_OVER_CHAT = Combo("mc", "anthropic", "openai")
CHAT_OVER_MESSAGES = Combo("cm", "openai", "anthropic")
RESPONSES = Combo("r", "openai", "openai", responses=True)
RESPONSES_OVER_MESSAGES = Combo("rm", "openai", "anthropic", responses=True)
ALL_COMBOS = (CHAT, MESSAGES_OVER_CHAT, MESSAGES, CHAT_OVER_MESSAGES)
SURFACES = (CHAT, MESSAGES)


class Route(NamedTuple):
    """Behaviours in order: the target, then its fallbacks. `keys`: how many the first target has."""

    modes: tuple[str, ...]
    retries: int = 0
    keys: int = 1
    context: str = ""
    """Where calls go that are too long for the target."""
    content: str = ""
    """Where calls go that the target's filter refuses."""
    total_ms: int = 4000
    base_ms: int = 20
    note: str = ""
    """Sets a route apart from another with the same behaviours, so that their breakers don't meet."""

    def tag(self, combo: Combo) -> str:
        """Its name for a surface: unique, and fit for a path."""
        extra = "".join(f"-{kind}.{mode}" for kind, mode in (("x", self.context), ("f", self.content)) if mode)
        return f"{combo.key}_{'_'.join(self.modes)}{extra}_r{self.retries}k{self.keys}t{self.total_ms}{self.note}"

    def every_mode(self) -> tuple[str, ...]:
        """All behaviours that it may reach."""
        return (*self.modes, *(mode for mode in (self.context, self.content) if mode))


def to(*modes: str, **options: object) -> Route:
    """A route to some behaviours."""
    return Route(modes, **options)  # type: ignore[arg-type]
