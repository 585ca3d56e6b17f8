"""The words of a route condition, each with its place; and the error that points at one.

No meaning lives here: `expression.py` gives the words their grammar.
"""

import re
from typing import Literal, NamedTuple

from kaname.kernel.errors import ConfigurationError

TokenKind = Literal["text", "number", "name", "symbol", "end"]

_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
      | (?P<number>-?\d{1,15}(?:\.\d{1,15})?(?![\w.]))
      | (?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)
      | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<symbol>==|!=|<=|>=|[<>()\[\],])""",
    re.VERBOSE,
)


class ExpressionError(ConfigurationError):
    """A condition can't be understood; `column` counts characters from 1."""

    default_code = "invalid_expression"

    def __init__(self, message: str, *, column: int, hint: str = "") -> None:
        super().__init__(f"{message} (column {column})", hint=hint, params={"column": column})
        self.column = column


class Token(NamedTuple):
    """One word: `text` holds the value of a string literal, and else what was written."""

    kind: TokenKind
    text: str
    column: int


def tokenize(expression: str) -> list[Token]:
    """Split a condition into words; the last is the end. Raises ExpressionError."""
    tokens: list[Token] = []
    place = 0
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None:
            raise _unreadable(expression, place)
        word = match[0]
        if match["text"] is not None:
            tokens.append(Token("text", _unescape(word[1:-1]), place + 1))
        elif match["number"] is not None:
            tokens.append(Token("number", word, place + 1))
        elif match["name"] is not None:
            tokens.append(Token("name", word, place + 1))
        elif match["symbol"] is not None:
            tokens.append(Token("symbol", word, place + 1))
        place = match.end()
    tokens.append(Token("end", "", len(expression) + 1))
    return tokens


def _unescape(body: str) -> str:
    if "\\" not in body:
        return body
    out: list[str] = []
    index = 0
    while index < len(body):
        if body[index] == "\\":
            index += 1
            # An unknown escape keeps its backslash, so that patterns needn't double theirs.
            out.append(_ESCAPES.get(body[index], "\\" + body[index]))
        else:
            out.append(body[index])
        index += 1
    return "".join(out)


def _unreadable(expression: str, place: int) -> ExpressionError:
    character = expression[place]
    if character in "\"'":
        return ExpressionError("This text has no end", column=place + 1, hint=f"Close it with {character}.")
    hints = {"=": "Equality is ==.", "!": "Negation is `not`; inequality is !=.", "&": "Use `and`.", "|": "Use `or`."}
    return ExpressionError(
        f"A condition can't contain {expression[place : place + 12]!r}", column=place + 1, hint=hints.get(character, "")
    )
