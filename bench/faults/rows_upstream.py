"""Rows about upstreams that fail, and what follows: status, shape, retry, fallback, other keys."""

import threading
from collections.abc import Sequence

from bench.faults.case import Case, Table
from bench.faults.routes import Route, to
from bench.faults.upstream import EXPECTED_TEXT

TABLE = Table()
BREAKER_FAILURES = 5


# ---- the measured table

_LIMITED, _LIMITED_STREAM = to("429"), to("429", note="stream")


@TABLE.row("429 + Retry-After: 1", "429, header, `code` kept", _LIMITED, _LIMITED_STREAM)
def rate_limited(case: Case) -> None:
    reply = case.ask(_LIMITED)
    case.failed(reply, 429, code="rate_limit_exceeded", kind="rate_limit_error")
    case.expect(reply.headers.get("retry-after") == "1", "Retry-After is lost")
    case.failed(case.ask(_LIMITED_STREAM, stream=True), 429, code="rate_limit_exceeded", kind="rate_limit_error")


_BAD = to("400", retries=2)


@TABLE.row("400 with `param`", "verbatim, never retried", _BAD)
def bad_request(case: Case) -> None:
    reply = case.ask(_BAD)
    case.failed(reply, 400, kind="invalid_request_error")
    message = str(reply.error().get("message"))
    case.expect("too hot" in message, "the upstream's words are lost")
    if case.combo.upstream == "openai":
        case.failed(reply, 400, param="temperature")
    case.expect(len(case.arrivals(_BAD)) == 1, f"{len(case.arrivals(_BAD))} requests instead of 1")


_HTML = to("html")


@TABLE.row("502 HTML page", "502 `upstream_error`, HTML not shown", _HTML)
def html(case: Case) -> None:
    reply = case.ask(_HTML)
    case.failed(reply, 502, code="upstream_error", kind="api_error")
    case.expect(b"secret page" not in reply.body, "the page is shown")


_CUT_JSON, _CUT_JSON_RETRY = to("badjson"), to("badjson-then-ok", retries=1)


@TABLE.row("200, truncated JSON", "502 `upstream_invalid_response`, retryable", _CUT_JSON, _CUT_JSON_RETRY)
def truncated_json(case: Case) -> None:
    case.failed(case.ask(_CUT_JSON), 502, code="upstream_invalid_response", kind="api_error")
    case.answered(case.ask(_CUT_JSON_RETRY))


_500, _500_RETRY, _500_FALLBACK = to("500"), to("500-then-ok", retries=1), to("500", "ok")


@TABLE.row("500", "retry, fallback, then 502 in shape", _500, _500_RETRY, _500_FALLBACK)
def server_error(case: Case) -> None:
    case.failed(case.ask(_500), 502, code="upstream_error", kind="api_error")
    case.answered(case.ask(_500_RETRY))
    case.answered(case.ask(_500_FALLBACK, stream=True))


_REFUSED, _REFUSED_FALLBACK = to("refused", retries=1), to("refused", "ok")


@TABLE.row("refused connection", "retry, fallback, then 502 in shape", _REFUSED, _REFUSED_FALLBACK)
def refused(case: Case) -> None:
    reply = case.ask(_REFUSED)
    case.failed(reply, 502, code="upstream_refused", kind="api_error")
    if case.ours:
        case.expect(reply.headers.get("x-kaname-attempts") == "2", "not retried")
    case.answered(case.ask(_REFUSED_FALLBACK))


_HANG, _HANG_FALLBACK = to("hang", total_ms=800), to("hang", "ok")


@TABLE.row("silence before headers", "504 `upstream_timeout`, fallback", _HANG, _HANG_FALLBACK)
def silence(case: Case) -> None:
    case.failed(case.ask(_HANG), 504, code="upstream_timeout", kind="timeout_error")
    case.answered(case.ask(_HANG_FALLBACK, stream=True))


_CUT = to("cut")


@TABLE.row("stream cut at token 10", "tokens, error event, no `[DONE]`", _CUT)
def cut(case: Case) -> None:
    reply = case.ask(_CUT, stream=True)
    case.expect(reply.text() == EXPECTED_TEXT, f"{len(reply.text())} of {len(EXPECTED_TEXT)} characters")
    case.broke(reply, code="upstream_cut", kind="api_error")
    if case.ours:
        record = case.record(reply)
        case.expect((record.outcome, record.error_code) == ("incomplete", "upstream_cut"), "not recorded as incomplete")


_BAD_EVENT = to("bad-event")


@TABLE.row("one malformed event", "pass + count; translate: left out + count", _BAD_EVENT)
def malformed(case: Case) -> None:
    reply = case.ask(_BAD_EVENT, stream=True)
    case.expect(reply.text() == EXPECTED_TEXT, f"{len(reply.text())} of {len(EXPECTED_TEXT)} characters")
    case.expect(reply.ended(), "the stream has no end")
    case.expect((b"{oops" in reply.body) != case.combo.translated, "the event isn't passed, or isn't left out")
    if case.ours:
        case.expect(case.record(reply).malformed_events == 1, "the event isn't counted")


_STALL = to("stall")


@TABLE.row("stream stalls", "stall timeout → error event", _STALL)
def stall(case: Case) -> None:
    reply = case.ask(_STALL, stream=True, timeout_s=8)
    case.broke(reply, code="upstream_timeout", kind="timeout_error")


# ---- credentials


_KEYED = tuple(to(f"{status}-key1", keys=2) for status in (401, 402, 403))


@TABLE.row("401, 402, 403 of one key", "another key answers, at no retry's cost", *_KEYED)
def one_key_refused(case: Case) -> None:
    for route in _KEYED:
        for _ in range(2):  # whichever key's turn it is
            case.answered(case.ask(route))
        case.expect(len(case.arrivals(route)) >= 3, "the refused key was never tried")


_DEAD = tuple(to(status, keys=2) for status in ("401", "402", "403"))


@TABLE.row("401, 402, 403 of every key", "502 `upstream_credentials_exhausted`, final, no key shown", *_DEAD)
def every_key_refused(case: Case) -> None:
    for route in _DEAD:
        reply = case.ask(route)
        case.failed(reply, 502, code="upstream_credentials_exhausted", kind="api_error")
        case.expect(b"sk-upstream" not in reply.body, "the upstream's words show a key")
        case.expect(reply.headers.get("x-should-retry") == "false", "x-should-retry isn't false")
        case.expect(len(case.arrivals(route)) == 2, "not every key was tried once")


_LIMITED_KEY = to("429-key1", keys=2, retries=1)


@TABLE.row("429 of one key", "the other key answers", _LIMITED_KEY)
def one_key_limited(case: Case) -> None:
    for _ in range(2):
        case.answered(case.ask(_LIMITED_KEY))


# ---- before the first content


_529, _529_RETRY, _529_FALLBACK = to("529"), to("529-then-ok", retries=1), to("529", "ok")


@TABLE.row("529", "503 `overloaded`; retry, fallback", _529, _529_RETRY, _529_FALLBACK)
def overloaded(case: Case) -> None:
    case.failed(case.ask(_529), 503, code="overloaded", kind="overloaded_error")
    case.answered(case.ask(_529_RETRY))
    case.answered(case.ask(_529_FALLBACK, stream=True))


_INSIDE, _INSIDE_RETRY, _INSIDE_FALLBACK = to("error-200"), to("error-200-then-ok", retries=1), to("error-200", "ok")


@TABLE.row("error object inside a 200", "502; retry, fallback", _INSIDE, _INSIDE_RETRY, _INSIDE_FALLBACK)
def error_inside(case: Case) -> None:
    case.failed(case.ask(_INSIDE), 502, code="upstream_error", kind="api_error")
    case.answered(case.ask(_INSIDE_RETRY))
    case.answered(case.ask(_INSIDE_FALLBACK))
    case.failed(case.ask(_INSIDE, stream=True), 502, code="upstream_error", kind="api_error")


_BEFORE = tuple(
    to(mode, "ok")
    for mode in (
        "error-first",
        "error-after-role",
        "cut-before-content",
        "stall-before-content",
        "empty-stream",
        "reset",
    )
)
_BEFORE_ALONE = tuple(to(route.modes[0]) for route in _BEFORE)


@TABLE.row("stream fails after its 200, before content", "fallback; alone a plain error", *_BEFORE, *_BEFORE_ALONE)
def fails_before_content(case: Case) -> None:
    for route, alone in zip(_BEFORE, _BEFORE_ALONE, strict=True):
        reply = case.ask(route, stream=True)
        case.answered(reply)
        case.expect(reply.text() == EXPECTED_TEXT, "the text isn't the fallback's alone")
        status = 504 if "stall" in route.modes[0] else 502
        case.failed(case.ask(alone, stream=True), status, kind="timeout_error" if status == 504 else "api_error")


_LATER = to("error-later", "ok")


@TABLE.row("error event after content", "passed once, no end marker, no fallback", _LATER)
def error_later(case: Case) -> None:
    reply = case.ask(_LATER, stream=True)
    case.broke(reply)
    case.expect(len(case.arrivals(_LATER, 1)) == 0, "the target was changed in the middle of an answer")
    case.expect("model crashed" in str(reply.stream_error().get("message")), "the upstream's words are lost")
    if case.ours:
        case.expect(case.record(reply).outcome == "incomplete", "not recorded as incomplete")


_EMPTY = to("empty")


@TABLE.row("empty 200", "502 `upstream_invalid_response`", _EMPTY)
def empty(case: Case) -> None:
    case.failed(case.ask(_EMPTY), 502, code="upstream_invalid_response", kind="api_error")
    case.failed(case.ask(_EMPTY, stream=True), 502, code="upstream_invalid_response", kind="api_error")


_NO_USAGE = to("no-usage")


@TABLE.row("no `usage`", "estimated and flagged", _NO_USAGE)
def no_usage(case: Case) -> None:
    for stream in (False, True):
        reply = case.ask(_NO_USAGE, stream=stream)
        case.answered(reply)
        if case.ours:
            record = case.record(reply)
            case.expect(record.usage, "nothing is recorded as used")
            case.expect(getattr(record, "usage_estimated", False), "the estimate isn't flagged")


_TYPE = to("wrong-type")


@TABLE.row("wrong content type", "sniffed", _TYPE)
def wrong_type(case: Case) -> None:
    reply = case.ask(_TYPE, stream=True)
    case.answered(reply)
    case.expect(reply.headers.get("content-type", "").startswith("text/event-stream"), "not passed as a stream")


_NO_END, _FINISH_ONLY = to("no-end"), to("nodone-finish")


@TABLE.row("stream ends without `[DONE]` or finish reason", "error event", _NO_END, _FINISH_ONLY)
def no_end(case: Case) -> None:
    case.broke(case.ask(_NO_END, stream=True), code="upstream_cut", kind="api_error")
    if case.combo.upstream == "openai" and not case.combo.responses:  # a finish reason and a clean end are an end
        case.expect(not case.ask(_FINISH_ONLY, stream=True).stream_error(), "an end without [DONE] isn't taken")


_DRESSED, _DRIBBLE = to("dressed"), to("dribble")


@TABLE.row("CRLF, comments, BOM, data over lines, split anywhere", "the same text", _DRESSED, _DRIBBLE)
def dressed(case: Case) -> None:
    for route in (_DRESSED, _DRIBBLE):
        reply = case.ask(route, stream=True)
        case.answered(reply)
        case.expect(reply.text() == EXPECTED_TEXT, "another text")


_HUGE_EVENT, _HUGE_REPLY = to("huge-event"), to("huge-reply")


@TABLE.row("reply over 64 MB, event over 4 MB", "error", _HUGE_EVENT, _HUGE_REPLY)
def huge(case: Case) -> None:
    case.broke(case.ask(_HUGE_EVENT, stream=True), code="upstream_response_too_large", kind="api_error")
    case.failed(case.ask(_HUGE_REPLY), 502, code="upstream_response_too_large", kind="api_error")


_REDIRECT = to("redirect")


@TABLE.row("redirect", "502, never followed with the key", _REDIRECT)
def redirect(case: Case) -> None:
    case.failed(case.ask(_REDIRECT), 502, code="upstream_invalid_response", kind="api_error")
    case.expect(len(case.arrivals(_REDIRECT)) == 1, "asked more than once")


_TRICKLE = to("trickle", total_ms=700)


@TABLE.row("endless trickle", "total deadline", _TRICKLE)
def trickle(case: Case) -> None:
    reply = case.ask(_TRICKLE, stream=True, timeout_s=8)
    case.broke(reply, code="upstream_timeout", kind="timeout_error")
    case.expect(case.arrivals(_TRICKLE)[-1].closed.wait(5), "the upstream runs on")


_STORM = to("429", retries=2, base_ms=100, total_ms=3000, note="storm")


@TABLE.row("429 storm", "retry budget ≤ 20 %, Retry-After kept", _STORM)
def storm(case: Case) -> None:
    n = 40
    replies: list[object] = []
    threads = [threading.Thread(target=lambda: replies.append(case.ask(_STORM))) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    case.expect(len(replies) == n, "a call had no answer")
    arrived = len(case.arrivals(_STORM))
    case.saw(f"{arrived} upstream requests for {n} calls")
    case.expect(arrived <= n * 1.2 + 3, f"{arrived} upstream requests for {n} calls")


# ---- fallback and the rest of §7

_RETRY_AFTER = to("429-then-ok", retries=1)


@TABLE.row("429, then well", "retried, not before Retry-After", _RETRY_AFTER)
def honours_retry_after(case: Case) -> None:
    reply = case.ask(_RETRY_AFTER)
    case.answered(reply)
    case.expect(reply.seconds >= 1.0, f"came back after {reply.seconds:.2f} s")


_FAIL = ("500", "refused", "hang", "429", "401", "badjson", "html")
_ROUTES: Sequence[Route] = [to(mode, "ok", note="fb") for mode in _FAIL]


@TABLE.row("fallback after 500, refusal, silence, 429, 401, bad JSON, HTML", "the second target answers", *_ROUTES)
def falls_back(case: Case) -> None:
    for route in _ROUTES:
        case.answered(case.ask(route, stream=True))


_CONTEXT, _CONTEXT_OWN = to("context", "ok"), to("context", "500", context="ok")
_FILTER, _FILTER_OWN = to("filtered", "ok"), to("filtered", "500", content="ok")


@TABLE.row(
    "too long for the target, refused by its filter", "only their own fallbacks; else 400",
    _CONTEXT, _CONTEXT_OWN, _FILTER, _FILTER_OWN,
)  # fmt: skip
def own_fallbacks(case: Case) -> None:
    case.failed(case.ask(_CONTEXT), 400, code="context_length_exceeded", kind="invalid_request_error")
    case.failed(case.ask(_FILTER), 400, code="content_filter", kind="invalid_request_error")
    case.answered(case.ask(_CONTEXT_OWN))
    case.answered(case.ask(_FILTER_OWN))


_BROKEN = to("500", note="breaker")


@TABLE.row("breaker open", "503 `no_healthy_target` + Retry-After, the upstream left alone", _BROKEN)
def breaker(case: Case) -> None:
    for _ in range(BREAKER_FAILURES):
        case.failed(case.ask(_BROKEN), 502)
    before = len(case.arrivals(_BROKEN))
    reply = case.ask(_BROKEN)
    case.failed(reply, 503, code="no_healthy_target", kind="overloaded_error")
    case.expect("retry-after" in reply.headers, "no Retry-After")
    case.expect(len(case.arrivals(_BROKEN)) == before, "the upstream was asked")


_DEADLINE = to("hang", "hang", retries=2, total_ms=900)


@TABLE.row("every target silent", "one deadline for the whole route", _DEADLINE)
def deadline(case: Case) -> None:
    reply = case.ask(_DEADLINE, stream=True)
    case.failed(reply, 504, code="upstream_timeout", kind="timeout_error")
    case.within(reply.seconds, 2.0, "ended")


_ALL_FAILED = to("400", "ok", note="perm"), to("500", "429")


@TABLE.row("every target failed", "the first target's error", *_ALL_FAILED)
def all_failed(case: Case) -> None:
    permanent, mixed = _ALL_FAILED
    case.failed(case.ask(permanent), 400, kind="invalid_request_error")
    case.expect(not case.arrivals(permanent, 1), "a bad request went to the fallback")
    case.failed(case.ask(mixed), 502, code="upstream_error", kind="api_error")
    case.expect(len(case.arrivals(mixed, 1)) == 1, "the fallback wasn't asked")
