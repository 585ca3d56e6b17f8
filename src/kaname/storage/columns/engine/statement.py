"""Reads just enough SQL to serve ClickHouse's HTTP interface: what kind of statement it is, where its FORMAT clause and
inline data are, and that it is only one statement.

Deliberately not a parser: the engine reports wrong SQL. It knows strings, quoted names, heredocs and comments, so that
a keyword inside them is never taken for one (the tests try).
"""

import itertools
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from kaname.storage.columns.engine.faults import StatementError

StatementKind = Literal["result", "insert", "command"]

_TOKEN = re.compile(
    rb"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
    | (?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_RESULT_WORDS = frozenset(
    {b"SELECT", b"WITH", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK", b"FROM", b"VALUES", b"KILL"}
)
DEFAULT_FORMAT = "TabSeparated"


class _Token(NamedTuple):
    kind: str
    text: bytes
    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SQL statement, cut where this interface has to add something."""

    kind: StatementKind
    head: bytes
    """Everything before the FORMAT clause (or, for an insert with data, before its SETTINGS or FORMAT clause)."""
    tail: bytes = b""
    """`SETTINGS …` that stood beside the FORMAT clause."""
    format: str = ""
    """Output format of a result, input format of an insert's data; "" when the text doesn't say."""
    data: memoryview | None = None
    """An insert's rows, raw; None when the statement carries none or they stay inside `head`."""

    def with_output(self, output_format: str, into: str | None = None) -> bytes:
        """The SQL of a result statement with its format, optionally writing to the file `into`."""
        outfile = b" INTO OUTFILE '%b' APPEND" % into.encode() if into else b""
        return b"%b%b FORMAT %b %b" % (self.head, outfile, output_format.encode(), self.tail)

    def from_file(self, path: str) -> bytes:
        """The SQL of an insert that reads its rows from a file."""
        return b"%b FROM INFILE '%b' %b FORMAT %b" % (self.head, path.encode(), self.tail, self.format.encode())


def read_statement(sql: bytes, body: bytes | bytearray | None = None) -> Statement:
    """Reads a statement; `body` is what followed it when the SQL came in the URL. Raises StatementError."""
    scan = _Scanner(sql)
    first = scan.next_code()
    if first is None:
        raise StatementError(62, "Empty query", "SYNTAX_ERROR")
    word = first.text.upper()
    if word == b"INSERT":
        return _read_insert(sql, scan, body)
    while word == b"(" and (inner := scan.next_code()) is not None:
        word = inner.text.upper()
    whole = sql if not body else sql + b"\n" + bytes(body)
    tokens = _code_tokens(whole)
    end = _end_of_statement(whole, tokens)
    if word not in _RESULT_WORDS:
        return Statement(kind="command", head=_without_sync(whole[:end], tokens))
    return _cut_format(whole[:end], [t for t in tokens if t.end <= end])


def quote_text(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """A SQL identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class _Scanner:
    """Walks the tokens that matter (no space, no comments), with their bracket depth."""

    def __init__(self, sql: bytes) -> None:
        self._sql = sql
        self._at = 0
        self._depth = 0

    def next_code(self) -> _Token | None:
        while (match := _TOKEN.match(self._sql, self._at)) is not None:
            self._at = match.end()
            kind = match.lastgroup or "other"
            if kind == "tag":
                kind = "quoted"
            if kind in ("space", "comment"):
                continue
            text = match.group()
            if text in (b")", b"]"):
                self._depth -= 1
            token = _Token(kind, text, match.start(), match.end(), self._depth)
            if text in (b"(", b"["):
                self._depth += 1
            return token
        return None


def _code_tokens(sql: bytes) -> list[_Token]:
    scan, tokens = _Scanner(sql), list[_Token]()
    while (token := scan.next_code()) is not None:
        tokens.append(token)
    return tokens


def _end_of_statement(sql: bytes, tokens: list[_Token]) -> int:
    """Where the statement ends: at its semicolon, which nothing may follow."""
    semicolons = [t for t in tokens if t.text == b";"]
    if not semicolons:
        return len(sql)
    first = semicolons[0]
    if any(t.start > first.start and t.text != b";" for t in tokens):
        raise StatementError(62, "Syntax error (Multi-statements are not allowed)", "SYNTAX_ERROR")
    return first.start


def _cut_format(sql: bytes, tokens: list[_Token]) -> Statement:
    top = [t for t in tokens if t.depth == 0]
    for i in range(len(top) - 2, -1, -1):
        token, name = top[i], top[i + 1]
        is_last = i + 2 == len(top) or top[i + 2].text.upper() == b"SETTINGS"
        if token.kind == "word" and token.text.upper() == b"FORMAT" and name.kind == "word" and is_last:
            _refuse_outfile(top[:i])
            head, tail = sql[: token.start], sql[name.end :]
            return Statement(kind="result", head=_without_comment(head), tail=tail, format=name.text.decode())
    _refuse_outfile(top)
    return Statement(kind="result", head=_without_comment(sql))


def _without_sync(sql: bytes, tokens: list[_Token]) -> bytes:
    """Drops the `SYNC` of a DROP or DETACH: chDB has no task that would end the wait, and hangs for ever."""
    inside = [t for t in tokens if t.end <= len(sql)]
    if len(inside) > 3 and inside[0].text.upper() in (b"DROP", b"DETACH") and inside[-1].text.upper() == b"SYNC":
        return sql[: inside[-1].start] + sql[inside[-1].end :]
    return sql


def _without_comment(head: bytes) -> bytes:
    """Ends the text with a line break, in case its last line is a comment that would swallow what we add."""
    return head.rstrip() + b"\n"


def _refuse_outfile(top: list[_Token]) -> None:
    for token, following in itertools.pairwise(top):
        if token.text.upper() == b"INTO" and following.text.upper() == b"OUTFILE":
            raise StatementError(348, "INTO OUTFILE is not allowed over HTTP", "INTO_OUTFILE_NOT_ALLOWED")


def _read_insert(sql: bytes, scan: _Scanner, body: bytes | bytearray | None) -> Statement:
    """Walks an INSERT up to where its data starts, so that binary data is never read as SQL."""
    settings_at = -1
    while (token := scan.next_code()) is not None:
        if token.depth:
            continue
        if token.text == b";":
            break
        word = token.text.upper() if token.kind == "word" else b""
        if word == b"INFILE":
            raise StatementError(78, "INSERT FROM INFILE is not allowed over HTTP", "UNKNOWN_TYPE_OF_QUERY")
        if word == b"VALUES":
            inline = bytes(body) if body else b""
            return Statement(kind="insert", head=sql + (b"\n" + inline if inline else b""))
        if word in (b"SELECT", b"WITH"):
            return _read_insert_select(sql, body)
        if word == b"SETTINGS" and settings_at < 0:
            settings_at = token.start
        if word == b"FORMAT" and (name := scan.next_code()) is not None:
            cut = settings_at if settings_at >= 0 else token.start
            data = memoryview(body) if body else _inline_data(sql, name.end)
            return Statement(
                kind="insert",
                head=sql[:cut],
                tail=sql[cut : token.start],
                format=name.text.decode("utf-8", "replace"),
                data=data,
            )
    raise StatementError(62, "Syntax error: an INSERT needs FORMAT, VALUES or SELECT", "SYNTAX_ERROR")


def _read_insert_select(sql: bytes, body: bytes | bytearray | None) -> Statement:
    if body:
        return Statement(kind="insert", head=sql + b"\n" + bytes(body))
    tokens = _code_tokens(sql)
    return Statement(kind="insert", head=sql[: _end_of_statement(sql, tokens)])


def _inline_data(sql: bytes, at: int) -> memoryview:
    """Data after `FORMAT name`: ClickHouse skips blanks and one line break (`;` may stand before it)."""
    match = re.compile(rb"[ \t]*;?[ \t]*(?:\r?\n)?").match(sql, at)
    return memoryview(sql)[match.end() if match else at :]
