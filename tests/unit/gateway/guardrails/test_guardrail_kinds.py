"""What each kind of guard finds; `injection` has a file of its own."""

import asyncio

import pytest

from kaname.gateway.guardrails.judge import JudgeGuard
from kaname.gateway.guardrails.keywords import KeywordGuard
from kaname.gateway.guardrails.length import LengthGuard
from kaname.gateway.guardrails.max_cost import MaxCostGuard
from kaname.gateway.guardrails.model import CallGuard, Document, Subject, join_counts
from kaname.gateway.guardrails.schema import strip_fence
from kaname.kernel.errors import UpstreamError


def test_keywords() -> None:
    guard = KeywordGuard({"rude": ["ass", "red card"], "武器": ["爆弾"]})
    text = "Class: ＡＳＳ, red  card, 爆弾の"
    assert [(f.kind, text[f.start : f.end]) for f in guard.find(text)] == [
        ("rude", "ＡＳＳ"), ("rude", "red  card"), ("武器", "爆弾"),
    ]  # fmt: skip


async def never(document: Document, *, timeout_s: float) -> Document:
    raise AssertionError(document)


def check(guard: CallGuard, text: str, cost: int | None = None, answer: str = "") -> str:
    async def ask(document: Document, *, timeout_s: float) -> Document:
        assert text in str(document)
        return {"choices": [{"message": {"content": answer}}]}

    subject = Subject("input", {}, text, "", lambda: cost, ask if answer else never)
    return asyncio.run(guard.check(subject))


def test_cost_and_length() -> None:
    guard = MaxCostGuard(0.01, needs_price=False)
    assert check(guard, "", 10_000_000) == ""
    assert check(guard, "", 10_000_001).startswith("estimated cost 0.010000 USD")
    assert check(guard, "") == ""
    assert check(MaxCostGuard(0.01, needs_price=True), "") == "the price of the model is unknown"
    assert check(LengthGuard(3, 2), "abc") == ""
    assert check(LengthGuard(3, 2), "abcd") == "4 characters, at most 3 are allowed"
    assert check(LengthGuard(3, 2), "a") == "1 characters, at least 2 are needed"


def test_a_judge() -> None:
    guard = JudgeGuard("m", "nothing rude", 5)
    assert check(guard, "hello", answer="PASS") == ""
    assert check(guard, "hello", answer="I'd say: fail.") == "judge m said FAIL"
    with pytest.raises(UpstreamError):
        check(guard, "hello", answer="maybe")


def test_fences_and_reasons() -> None:
    assert strip_fence('```json\n{"a": 1}\n```') == '{"a": 1}'
    assert strip_fence(' {"a": 1} ') == '{"a": 1}'
    assert join_counts({"A": 1, "B": 2}) == "2 × B, 1 × A"
