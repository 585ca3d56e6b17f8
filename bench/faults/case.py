"""One row being checked: what a check can do and see, and how it says what it saw."""

import time
from collections.abc import Callable
from typing import NamedTuple

import orjson

from bench.faults.client import Reply, post
from bench.faults.routes import ALL_COMBOS, Combo, Route
from bench.faults.targets import Target
from integration.gateway.fault_upstream import FaultUpstream, Seen
from kaname.gateway.model import GatewayRecord

PATIENCE_S = 10.0
MESSAGE = [{"role": "user", "content": "hi"}]


class MismatchError(Exception):
    """The gateway did something else than it must."""


class NotOfferedError(Exception):
    """The target has nothing like it."""


class Case:
    """A row on one surface of one target."""

    def __init__(self, target: Target, upstream: FaultUpstream, combo: Combo, *, timed: bool = True) -> None:
        self.timed = timed
        self.target = target
        self.upstream = upstream
        self.combo = combo
        self.seen_text: list[str] = []

    @property
    def ours(self) -> bool:
        """Whether promises are checked that only we make (codes, records)."""
        return self.target.name == "ours"

    def ask(self, route: Route, *, stream: bool = False, timeout_s: float = PATIENCE_S, **fields: object) -> Reply:
        """A call along a route."""
        body, headers = self.request(route, stream=stream, **fields)
        reply = post(
            self.target.port, self.combo.path, body, headers, style=self.combo.surface, timeout_s=timeout_s
        )  # fmt: skip
        self.saw(reply.describe())
        return reply

    def send(self, body: bytes, **headers: str) -> Reply:
        """Any bytes as a body."""
        _, usual = self.target.address(Route(("ok",)), self.combo)
        reply = post(
            self.target.port, self.combo.path, body, {**usual, "content-type": "application/json", **headers},
            style=self.combo.surface,
        )  # fmt: skip
        self.saw(reply.describe())
        return reply

    def request(self, route: Route, *, stream: bool = False, **fields: object) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a call."""
        model, headers = self.target.address(route, self.combo)
        asked: dict[str, object] = {"messages": MESSAGE, "max_tokens": 64}
        if self.combo.responses:
            asked = {"input": MESSAGE, "max_output_tokens": 64}
        document: dict[str, object] = {"model": model, **asked, **fields}
        if stream:
            document["stream"] = True
        body = orjson.dumps({k: v for k, v in document.items() if v is not None})
        return body, {**headers, "content-type": "application/json"}

    def arrivals(self, route: Route, position: int = 0) -> list[Seen]:
        """Requests that reached a behaviour of a route."""
        prefix = f"/{route.every_mode()[position]}/{route.tag(self.combo)}/"
        return [seen for seen in self.upstream.seen if seen.path.startswith(prefix)]

    def record(self, reply: Reply) -> GatewayRecord:
        """What was recorded of a call. Only of ours."""
        return self.find(lambda record: record.request_id == reply.headers.get("x-request-id"))

    def find(self, matches: Callable[[GatewayRecord], bool]) -> GatewayRecord:
        """The newest record that matches, within five seconds."""
        deadline = time.monotonic() + 5
        while True:
            found = next((record for record in reversed(self.target.records()) if matches(record)), None)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise MismatchError("the call wasn't recorded")
            time.sleep(0.02)

    def saw(self, what: str) -> None:
        """Adds to the row's report."""
        if len(self.seen_text) < 4 and what not in self.seen_text:
            self.seen_text.append(what)

    # ---- expectations

    def expect(self, condition: object, what: str) -> None:
        """Raises MismatchError unless it holds."""
        if not condition:
            raise MismatchError(what)

    def within(self, took_s: float, limit_s: float, what: str) -> None:
        """Reports a duration, and holds it to a limit unless the machine is too busy to say anything about time."""
        self.saw(f"{what} after {took_s * 1000:.0f} ms")
        self.expect(not self.timed or took_s <= limit_s, f"{what} after {took_s * 1000:.0f} ms")

    def answered(self, reply: Reply) -> None:
        """A complete, healthy answer or stream."""
        self.expect(reply.status == 200, f"status {reply.status} instead of 200")
        self.expect(reply.text(), "no text")
        if reply.headers.get("content-type", "").startswith("text/event-stream"):
            self.expect(reply.ended(), "the stream has no end")
            self.expect(not reply.stream_error(), "the stream ends with an error")

    def failed(self, reply: Reply, status: int, *, code: str = "", kind: str = "", param: str | None = None) -> None:
        """An error in the surface's shape. `code`: OpenAI's; `kind`: Anthropic's `type`."""
        self.expect(reply.status == status, f"status {reply.status} instead of {status}")
        self.expect(reply.whole, "the body is cut")
        error = reply.error()
        if self.combo.surface == "anthropic":
            document = reply.document()
            self.expect(document.get("type") == "error", "not Anthropic's error shape")
            self.expect({"type", "message"} <= error.keys(), "the error lacks type or message")
            self.expect(not kind or error.get("type") == kind, f"type {error.get('type')!r} instead of {kind!r}")
            self.expect(param is None or param in str(error.get("message")), f"the message doesn't name {param!r}")
            return
        self.expect({"message", "type", "param", "code"} <= error.keys(), "not all four keys of OpenAI's error")
        self.expect(not code or error.get("code") == code, f"code {error.get('code')!r} instead of {code!r}")
        self.expect(param is None or error.get("param") == param, f"param {error.get('param')!r}, not {param!r}")

    def broke(self, reply: Reply, *, code: str = "", kind: str = "") -> None:
        """A stream that began, ends with an error event, and doesn't claim to be complete."""
        self.expect(reply.status == 200, f"status {reply.status} instead of 200")
        self.expect(reply.whole, "the body was cut instead of ended")
        error = reply.stream_error()
        self.expect(error, "no error event")
        self.expect(not reply.ended(), "the stream claims to be complete")
        if self.ours:
            said, wanted = (error.get("type"), kind) if self.combo.surface == "anthropic" else (error.get("code"), code)
            self.expect(not wanted or said == wanted, f"error event says {said!r} instead of {wanted!r}")


Check = Callable[[Case], None]


class Row(NamedTuple):
    """A promise and how it is checked."""

    name: str
    must: str
    check: Check
    routes: tuple[Route, ...]
    combos: tuple[Combo, ...]
    slow: bool
    only_ours: bool


class Outcome(NamedTuple):
    """How a row went on one surface."""

    row: str
    surface: str
    passed: bool | None
    """None: the target has nothing like it."""
    seen: str


class Table:
    """Rows in order; a module of rows fills one."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def row(
        self,
        name: str,
        must: str,
        *routes: Route,
        combos: tuple[Combo, ...] = ALL_COMBOS,
        slow: bool = False,
        only_ours: bool = False,
    ) -> Callable[[Check], Check]:
        """Registers a check."""

        def register(check: Check) -> Check:
            self.rows.append(Row(name, must, check, routes, combos, slow, only_ours))
            return check

        return register


def run_row(row: Row, target: Target, upstream: FaultUpstream, combo: Combo, *, timed: bool = True) -> Outcome:
    """Checks one row on one surface. Without `timed` durations are reported only."""
    case = Case(target, upstream, combo, timed=timed)
    passed: bool | None = True
    try:
        if row.only_ours and not case.ours:
            raise NotOfferedError("not checked")
        row.check(case)
    except MismatchError as e:
        passed = False
        case.seen_text.insert(0, str(e))
    except OSError as e:
        passed = False
        case.seen_text.insert(0, f"no answer: {e}")
    except NotOfferedError as e:
        passed = None
        case.seen_text.insert(0, str(e))
    return Outcome(row.name, combo.label, passed, "; ".join(case.seen_text))
