"""A conversation from generations that each repeat their whole history: every message once, where it was new.

A generation's input is compared with what earlier generations had seen and said. The longest common beginning with any
of them is history; behind it, messages that were shown before are skipped until the first new one, because applications
also drop the oldest messages or rewrite the system prompt. Pure.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from kaname.traces import shape
from kaname.traces.shape import JsonObject, Row, as_objects
from kaname.traces.span_detail import parse_messages

MAX_TURNS = 2000
MAX_BYTES = 2 << 20
_COMPARED = 24
"""How many of the latest histories an input is compared with: parallel branches, not the whole past."""


def build_transcript(generations: Iterable[Row], *, with_history: bool = False) -> tuple[list[JsonObject], bool]:
    """(turns in order, whether they were cut at a bound). `with_history` keeps repeated messages, marked not new."""
    turns: list[JsonObject] = []
    histories: list[list[bytes]] = []
    seen: set[bytes] = set()
    size = 0
    for row in generations:
        inputs, outputs = _messages(row, "input", "user"), _messages(row, "output", "assistant")
        keys = [_key(m) for m in inputs]
        fresh_from = _history_length(keys, histories, seen)
        out_keys = [_key(m) for m in outputs]
        for at, message in enumerate([*inputs, *outputs]):
            is_output = at >= len(inputs)
            is_new = is_output or at >= fresh_from
            if not is_new and not with_history:
                continue
            turn = _turn(row, message, is_new=is_new, is_output=is_output)
            size += len(keys[at]) if not is_output else len(out_keys[at - len(inputs)])
            if len(turns) >= MAX_TURNS or size > MAX_BYTES:
                return turns, True
            turns.append(turn)
        histories = [*histories[1 - _COMPARED :], [*keys, *out_keys]]
        seen.update(keys)
        seen.update(out_keys)
    return turns, False


def _history_length(keys: Sequence[bytes], histories: Sequence[Sequence[bytes]], seen: set[bytes]) -> int:
    """How many messages at the beginning of an input were shown before."""
    common = max((_common_beginning(keys, h) for h in histories), default=0)
    while common < len(keys) and keys[common] in seen:
        # The last message of an input is what is being asked now, even if somebody says "yes" twice.
        if common == len(keys) - 1 and not any(h[-1:] == [keys[common]] for h in histories):
            break
        common += 1
    return common


def _common_beginning(a: Sequence[bytes], b: Sequence[bytes]) -> int:
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n


def _messages(row: Row, field: str, role: str) -> list[JsonObject]:
    if row[f"{field}_format"] == "messages":
        found = parse_messages(row[field])
        if found is not None:
            return found
    # Anything else, and messages too long to be parsed here, is one message of plain text.
    text = cast("str", row[field])
    if text and (row[f"{field}_format"] == "messages" or len(text) > MAX_BYTES // 8):
        text = cast("str", row[f"{field}_preview"])
    return [{"role": role, "parts": [{"type": "text", "content": text}]}] if text else []


def _key(message: JsonObject) -> bytes:
    """What makes two messages the same: role and parts, without what a provider adds to them in passing."""
    return msgspec.json.encode([message["role"], message["parts"]], order="deterministic")


def _turn(row: Row, message: JsonObject, *, is_new: bool, is_output: bool) -> JsonObject:
    start, took = cast("int", row["start_ns"]), cast("int", row["duration_ns"])
    parts = [p for p in as_objects(message["parts"]) if isinstance(p.get("type"), str)]
    return {
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "role": message["role"],
        "parts": parts,
        "time": shape.to_iso(start + took if is_output else start),
        "model": row["model"] if is_output else "",
        "tokens": row["output_tokens"] if is_output else 0,
        "is_new": is_new,
    }
