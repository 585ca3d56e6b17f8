"""What guards cost a streamed event: passing through, with placeholders to restore, and held back under guards.

    python -m bench.gateway.guard_stream

Chat events of about four characters arrive one a chunk. Each batch is a stream of 400; the least of many batches in one
process, the cases in turn, is what is printed, less nothing: "pass-through" is the stream without guards.
"""

import sys
import time

import orjson

from kaname.gateway.guardrails.injection import InjectionGuard
from kaname.gateway.guardrails.keywords import KeywordGuard
from kaname.gateway.guardrails.model import Guard
from kaname.gateway.guardrails.relay import GuardedRelay
from kaname.gateway.guardrails.screen import Screen
from kaname.gateway.guardrails.stream_formats import stream_format
from kaname.gateway.stream import EventRelay
from kaname.privacy.engine import Engine
from kaname.privacy.placeholders import Placeholders

EVENTS = 400
BATCHES = 120
TEXT = (
    "The river rises in the hills, runs past three mills and an old bridge, and reaches the sea after forty miles. "
    "Farmers use its water in summer; in winter it floods the meadows, which is good for the grass and the birds. "
) * 12


def chunks() -> list[bytes]:
    """The events of a stream."""
    pieces = [TEXT[i : i + 4] for i in range(0, 4 * EVENTS, 4)]
    return [
        b"data: %b\n\n"
        % orjson.dumps(
            {
                "id": "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ12",
                "object": "chat.completion.chunk",
                "created": 1_780_000_000,
                "model": "gpt-4o-mini-2024-07-18",
                "service_tier": "default",
                "system_fingerprint": "fp_0123456789",
                "choices": [{"index": 0, "delta": {"content": piece}, "logprobs": None, "finish_reason": None}],
            }
        )
        for piece in pieces
    ]


def guarded(guards: list[Guard], kept: Placeholders | None = None) -> GuardedRelay:
    """A stream under guards."""
    inner = EventRelay(strip_usage=False, max_event_bytes=1 << 20, record_limit=0)
    screen = Screen(guards, kept or Placeholders(), Placeholders(), restores=True)
    return GuardedRelay(inner, stream_format("chat_completions"), screen, hold_back=200, record_limit=1 << 16)


def plain() -> EventRelay:
    """A stream without."""
    return EventRelay(strip_usage=False, max_event_bytes=1 << 20, record_limit=1 << 16)


def main() -> int:
    """Prints microseconds an event for each case."""
    hidden = Placeholders()
    hidden.token("EMAIL", "hanako@example.org")
    masks = Guard(name="pii", action="mask", on_error="block", text=Engine())
    words = Guard(name="keywords", action="block", on_error="block", text=KeywordGuard({"weapons": ["bomb"]}))
    injections = Guard(name="injection", action="block", on_error="block", text=InjectionGuard())
    cases = {
        "pass-through": plain,
        "restoring placeholders": lambda: guarded([], hidden),
        "pii masks": lambda: guarded([masks]),
        "keywords block": lambda: guarded([words]),
        "pii masks, keywords block": lambda: guarded([masks, words]),
        "injection blocks": lambda: guarded([injections]),
    }
    events = chunks()
    least = dict.fromkeys(cases, float("inf"))
    for _ in range(BATCHES):
        for name, build in cases.items():
            relay = build()
            began = time.perf_counter()
            for event in events:
                relay.feed(event)
            relay.finish()
            least[name] = min(least[name], time.perf_counter() - began)
    floor = least["pass-through"] / EVENTS * 1e6
    for name, took in least.items():
        each = took / EVENTS * 1e6
        print(f"{name:<28} {each:5.2f} µs an event, {each - floor:5.2f} more than pass-through")
    return 0


if __name__ == "__main__":
    sys.exit(main())
