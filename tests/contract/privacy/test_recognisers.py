"""Every recogniser by its contract: what it must find, what it must leave, and any text at all."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.privacy.recogniser_contract import RecogniserContract
from kaname.privacy.recognisers.registry import RECOGNISERS

CASE_FILE = Path(__file__).with_name("recogniser_cases.json")
CASES: dict[str, dict[str, list[str]]] = json.loads(CASE_FILE.read_text("utf-8"))


@pytest.fixture(params=sorted(CASES))
def contract(request: pytest.FixtureRequest) -> RecogniserContract:
    case = CASES[request.param]
    return RecogniserContract(RECOGNISERS.get(request.param), case["hits"], case["misses"])


def test_every_recogniser_has_cases() -> None:
    assert sorted(name for name, _ in RECOGNISERS.items()) == sorted(CASES)
    assert all(len(case["misses"]) >= 10 for case in CASES.values())


def test_finds_what_it_should(contract: RecogniserContract) -> None:
    contract.finds_what_it_should()


def test_leaves_what_it_should(contract: RecogniserContract) -> None:
    contract.leaves_what_it_should()


ALPHABET = st.sampled_from(
    [*"0123456789-. ()+@:/=_abAB市区都県丁目様ー０１－\u200b\n<>", "sk-", "://", "〒", "eyJ", "-----BEGIN "]
)
UNITS = ["0", "1 ", "a@", "090-", "市", "sk-", "AAAA", "://a:", "1.", ":", "-----BEGIN ", "<", "Mr. A", "都1-"]


@given(st.lists(ALPHABET, max_size=60).map("".join))
@settings(max_examples=150, deadline=None)
def test_bears_any_text(text: str) -> None:
    for recogniser in dict(RECOGNISERS.items()).values():
        RecogniserContract(recogniser, [], []).bears_any_text(text)


@pytest.mark.parametrize(
    "unit", ["0", "1 ", "a@", "090-", "市", "sk-", "AAAA", "://a:", "1.", ":", "-----BEGIN ", "<", "Mr. A", "都1-"]
)
def test_long_repetition_stays_linear(unit: str) -> None:
    """Hangs (and runs into the suite's own time limit) where a pattern backtracks."""
    for recogniser in dict(RECOGNISERS.items()).values():
        RecogniserContract(recogniser, [], []).bears_any_text(unit * (60_000 // len(unit)))
