import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from kaname.kernel.text import PREVIEW_CHARS, cjk_bigrams, preview, search_terms


@given(st.text(max_size=2000))
def test_a_preview_is_short_and_on_one_line(text: str) -> None:
    shown = preview(text)
    assert len(shown) <= PREVIEW_CHARS
    assert "\n" not in shown


def test_a_preview_keeps_a_voiced_kana_whole() -> None:
    decomposed = "あ" * 199 + "か\u3099" + "い"
    assert preview(decomposed) == "あ" * 199


def test_japanese_becomes_overlapping_pairs() -> None:
    assert cjk_bigrams("東京都は、雨。") == ["東京", "京都", "都は", "雨"]


def test_half_width_kana_is_found_by_full_width() -> None:
    assert cjk_bigrams("ｶﾞﾗｽ") == cjk_bigrams("ガラス")


def test_a_search_splits_words_and_pairs() -> None:
    assert search_terms("Error in 検索API") == (["error", "in", "api"], ["検索"])


@given(st.text(alphabet=st.characters(max_codepoint=0x2FFF), max_size=300))
def test_text_without_cjk_has_no_bigrams(text: str) -> None:
    assert not any(len(pair) > 2 for pair in cjk_bigrams(text))


@given(st.text(max_size=300), st.integers(0, 20))
def test_bigrams_are_distinct_and_bounded(text: str, limit: int) -> None:
    pairs = cjk_bigrams(text, limit)
    assert len(pairs) <= limit
    assert len(set(pairs)) == len(pairs)


@given(st.text(alphabet="東京都のはガｶﾞa 1、。々한국", max_size=300), st.integers(0, 40))
def test_bigrams_are_what_a_plain_loop_finds(text: str, limit: int) -> None:
    found: dict[str, None] = {}
    for run in re.findall("[^a 1、。]+", unicodedata.normalize("NFKC", text)):
        for i in range(max(1, len(run) - 1)):
            found[run[i : i + 2]] = None
    assert cjk_bigrams(text, limit) == list(found)[:limit]
