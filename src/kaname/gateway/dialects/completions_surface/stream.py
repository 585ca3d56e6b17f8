"""Hub chunks → stream of `text_completion` objects, whose last one with choices says why the text ended.

Invariants: one id and one time for a stream; usage comes once, after everything else, to clients that asked for it.
"""

import orjson

from kaname.gateway.dialects.completions_surface.response import finish_of, head_of, said_in, text_choice
from kaname.gateway.dialects.model import Document
from kaname.gateway.dialects.reading import count_in, object_in, objects_in, text_in
from kaname.gateway.openai_errors import WireError


class CompletionsEncoder:
    """See `StreamEncoder`."""

    __slots__ = ("_begun", "_echo", "_head", "_include_usage", "_model", "_usage")

    def __init__(self, model: str, echo: str, *, include_usage: bool) -> None:
        self._model = model
        self._echo = echo
        self._include_usage = include_usage
        self._head: Document = {}
        self._begun: set[int] = set()
        self._usage: Document = {}

    def feed(self, chunk: Document) -> bytes:
        """Nothing for a chunk without text: roles, reasoning, tool calls."""
        if not self._head:
            self._head = head_of(chunk, text_in(chunk, "model") or self._model)
        self._usage = object_in(chunk, "usage") or self._usage
        choices: list[Document] = []
        for choice in objects_in(chunk, "choices"):
            index, reason = count_in(choice, "index"), text_in(choice, "finish_reason")
            text = said_in(object_in(choice, "delta"))
            if self._echo and index not in self._begun:
                self._begun.add(index)
                text = self._echo + text
            if text or reason:
                choices.append(text_choice(index, text, finish_of(reason) if reason else None))
        return self._event(choices) if choices else b""

    def finish(self) -> bytes:
        """OpenAI's own end."""
        last = b""
        if self._include_usage and self._usage:
            last = b"data: %b\n\n" % orjson.dumps({**self._head, "choices": [], "usage": self._usage})
        return last + b"data: [DONE]\n\n"

    def error(self, error: WireError) -> bytes:
        """The official SDK raises when a data object has an `error`."""
        return b"data: %b\n\n" % error.body()

    def _event(self, choices: list[Document]) -> bytes:
        return b"data: %b\n\n" % orjson.dumps({**self._head, "choices": choices})
