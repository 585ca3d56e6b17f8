"""The engine's own errors, as ClickHouse numbers them, and the HTTP status that its interface gives each."""

import re

_CODE = re.compile(r"\bCode: (\d+)\.")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{2,})\)\s*(?:\(version [^)]*\)\s*)?$")
_REPEATED_HEAD = re.compile(r"^(Code: \d+\. DB::Exception: )(?:Code: \d+\. DB::Exception: )+")
_REPEATED_TAIL = re.compile(
    r"(\s*\([A-Z][A-Z0-9_]+\) \(version [^)]*\))(?:[.\s]*\([A-Z][A-Z0-9_]+\)(?: \(version [^)]*\))?)*\s*$"
)
_STATUS = {
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((192, 193, 497, 516), 403),
    # Wrong text, types or arguments (HTTPHandler::exceptionCodeToHTTPStatus).
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 42, 43, 44, 53, 62, 70, 72, 117, 321, 349, 427, 441, 456, 457), 400),
    **dict.fromkeys((16, 46, 47, 50, 56, 60, 73, 78, 81, 115), 404),
    159: 408,
    381: 411,
    **dict.fromkeys((161, 307, 396), 413),
    48: 501,
    **dict.fromkeys((202, 203, 209, 439), 503),
}


class StatementError(Exception):
    """A refused or failed statement: number, text and symbolic name as ClickHouse gives them."""

    def __init__(self, code: int, message: str, name: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message
        self.status = status or _STATUS.get(code, 500)

    def to_text(self, version: str) -> str:
        """The body of the HTTP answer."""
        if self.message.startswith("Code: "):
            return self.message.rstrip() + "\n"
        return f"Code: {self.code}. DB::Exception: {self.message}. ({self.name}) (version {version})\n"


def fault_from_message(message: str) -> StatementError:
    """Reads the number and name out of an error text of chDB."""
    code = _CODE.search(message)
    name = _NAME.search(message.rstrip())
    # chDB wraps an error in the same error up to three times.
    text = _REPEATED_HEAD.sub(r"\1", message[code.start() :]) if code else message
    text = _REPEATED_TAIL.sub(r"\1", text.strip())
    if code is None:
        text = f"Code: 1002. DB::Exception: {message}. (UNKNOWN_EXCEPTION)"
    return StatementError(int(code.group(1)) if code else 1002, text, name.group(1) if name else "UNKNOWN_EXCEPTION")
