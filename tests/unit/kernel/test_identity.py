"""Ids, cursors, the registry, money and the clock."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.kernel.clock import ManualClock, from_ns, to_ns
from kaname.kernel.errors import ConflictError, InvalidInputError, KanameError, NotFoundError
from kaname.kernel.ids import is_id, new_id, random_token
from kaname.kernel.money import from_nano, quantize_cost, to_nano
from kaname.kernel.paging import decode_cursor, encode_cursor
from kaname.kernel.registry import Registry


def test_ids_are_distinct_well_formed_and_carry_the_uuid_version() -> None:
    ids = {new_id("prj") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(is_id("prj", i) for i in ids)
    assert not any(is_id("org", i) for i in ids)


def test_ids_sort_by_creation_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = iter([1_000_000_000, 2_000_000_000, 1_790_000_000_000_000_000])
    monkeypatch.setattr("kaname.kernel.ids.time.time_ns", lambda: next(stamps))
    made = [new_id("x") for _ in range(3)]
    assert made == sorted(made)


@given(st.text(max_size=40))
def test_any_text_can_be_asked_whether_it_is_an_id(text: str) -> None:
    assert is_id("prj", text) == bool(re.fullmatch(r"prj_[0-9a-hjkmnp-tv-z]{26}", text))


def test_tokens_have_the_promised_length() -> None:
    assert len(random_token(25)) == 40


@given(st.lists(st.one_of(st.text(max_size=20), st.integers(-(2**53), 2**53)), max_size=4))
def test_a_cursor_comes_back_as_it_was(keys: list[str | int]) -> None:
    assert decode_cursor(encode_cursor(keys), [type(k) for k in keys]) == keys


@given(st.text(max_size=60))
def test_a_foreign_cursor_is_refused_in_our_own_words(text: str) -> None:
    try:
        decode_cursor(text, [str, int])
    except InvalidInputError as e:
        assert e.param == "cursor"


def test_a_registry_names_what_it_knows() -> None:
    registry: Registry[int] = Registry("number")
    registry.register("one", 1)
    assert registry.get("one") == 1
    with pytest.raises(ConflictError):
        registry.register("one", 2)
    with pytest.raises(NotFoundError) as caught:
        registry.get("two")
    assert "one" in caught.value.hint


@given(st.integers(-(10**15), 10**15))
def test_nano_dollars_round_trip(nano: int) -> None:
    assert to_nano(from_nano(nano)) == nano


def test_costs_have_twelve_places() -> None:
    assert str(quantize_cost(Decimal("0.1"))) == "0.100000000000"


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_times_round_trip_through_nanoseconds(at: datetime) -> None:
    aware = at.replace(tzinfo=UTC)
    assert from_ns(to_ns(aware)) == aware
    assert ManualClock(at=aware).now_ns() == to_ns(aware)


def test_every_error_has_its_own_code() -> None:
    def below(cls: type[KanameError]) -> list[type[KanameError]]:
        return [cls, *(c for s in cls.__subclasses__() for c in below(s))]

    codes = [c.default_code for c in below(KanameError)]
    assert len(codes) == len(set(codes))
