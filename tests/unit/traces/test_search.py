"""Search queries: English, Japanese, mixed, ids, and what has nothing to search for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.kernel.errors import InvalidInputError
from kaname.traces.queries.statement import ProjectStatement
from kaname.traces.search import parse_search, search_conditions


def words(query: str) -> list[str]:
    found = parse_search(query)
    assert found is not None
    return [w[0] for w in found.words]


def test_words_are_folded_and_distinct() -> None:
    assert words("Refund the REFUND, refund!") == ["refund", "the"]


def test_japanese_becomes_pairs_and_leaves_the_words_around_it() -> None:
    found = parse_search("Pythonで書いた関数")
    assert found is not None
    assert [w[0] for w in found.words] == ["python"]
    assert found.pairs == ("で書", "書い", "いた", "た関", "関数")


def test_a_lone_character_is_searched_by_itself() -> None:
    found = parse_search("猫")
    assert found is not None
    assert (found.characters, found.pairs, found.words) == (("猫",), (), ())


def test_full_width_letters_are_found_in_both_widths() -> None:
    found = parse_search("ＰＤＦ")
    assert found is not None
    assert found.words == (("pdf", "ｐｄｆ", "ＰＤＦ"),)


def test_words_beyond_ascii_are_asked_for_in_each_case() -> None:
    found = parse_search("Élan")
    assert found is not None
    assert set(found.words[0]) == {"Élan", "élan", "Élan".upper().replace("LAN", "lan")}


@pytest.mark.parametrize(("query", "kind"), [("AB" * 16, "trace_id"), ("0f" * 8, "span_id")])
def test_an_id_finds_its_trace_or_span(query: str, kind: str) -> None:
    found = parse_search(f" {query} ")
    assert found is not None
    assert (found.id_kind, found.id) == (kind, query.lower())


@pytest.mark.parametrize("query", [None, "", "  "])
def test_no_query_is_no_search(query: str | None) -> None:
    assert parse_search(query) is None


@pytest.mark.parametrize("query", ["!!!", "。、", "— …", "x" * 501])
def test_what_cannot_be_searched_is_refused(query: str) -> None:
    with pytest.raises(InvalidInputError) as e:
        parse_search(query)
    assert e.value.param == "q"


@given(st.text(max_size=80))
def test_queries_are_bound_and_never_in_the_sql(query: str) -> None:
    try:
        search = parse_search(query)
    except InvalidInputError:
        return
    if search is None:
        return
    statement = ProjectStatement("prj_1")
    plain = ProjectStatement("prj_1")
    sql = " AND ".join(search_conditions(statement, search))
    again = " AND ".join(search_conditions(plain, search))
    assert sql == again
    assert search.words or search.pairs or search.characters or search.id
    for spellings in search.words:
        assert list(spellings) in list(statement.parameters.values())
