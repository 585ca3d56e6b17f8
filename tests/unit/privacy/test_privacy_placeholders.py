"""Masking and its reverse, offsets, and the engine's choice among overlapping findings."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.privacy.engine import OVERLAP_CHARS, PIECE_CHARS, Engine, resolve
from kaname.privacy.model import Finding, View
from kaname.privacy.placeholders import Placeholders

ENGINE = Engine()
PIECES = st.sampled_from(
    [
        "taro@example.com", "090-1234-5678", "<EMAIL_1>", "<EMAIL_2>", "<PHONE_1>",
        "４１１１　１１１１　１１１１　１１１１",
        "hello ", "です。", " ", "\u200b", "<", ">", "EMAIL_1", "\n", "x@例え.jp", "〒100-0001 東京都千代田区1-1-1",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@given(TEXTS)
@settings(deadline=None)
def test_unmask_undoes_mask(text: str) -> None:
    placeholders = Placeholders()
    assert placeholders.unmask(placeholders.mask(text, ENGINE.find(text))) == text


@given(st.lists(TEXTS, max_size=4))
@settings(deadline=None)
def test_several_texts_share_placeholders(texts: list[str]) -> None:
    placeholders = Placeholders()
    for text in texts:
        placeholders.reserve(text)
    masked = [placeholders.mask(text, ENGINE.find(text)) for text in texts]
    assert [placeholders.unmask(text) for text in masked] == texts


def test_the_same_value_gets_the_same_placeholder() -> None:
    placeholders = Placeholders()
    text = "a@example.com b@example.com a@example.com"
    assert placeholders.mask(text, ENGINE.find(text)) == "<EMAIL_1> <EMAIL_2> <EMAIL_1>"
    assert placeholders.unmask("to <EMAIL_2>, not <EMAIL_3>") == "to b@example.com, not <EMAIL_3>"


@given(st.text(alphabet="０９0９-－ー\u200b‍12 abＡ＠@.jp電話", max_size=40))
def test_offsets_are_the_originals(text: str) -> None:
    view = View(text)
    for start in range(len(view.text)):
        found = view.finding("X", start, start + 1, 1, "")
        assert View(text[found.start : found.end]).text in (view.text[start], "ー", "")


def test_folding_reaches_into_the_original() -> None:
    text = "電話は０９０\u200bー１２３４ー５６７８です"
    (found,) = ENGINE.find(text)
    assert text[found.start : found.end] == "０９０\u200bー１２３４ー５６７８"


def test_overlaps_go_to_the_better_score() -> None:
    findings = [Finding("A", 0, 5, 0.6), Finding("B", 3, 9, 0.9), Finding("C", 9, 12, 0.5), Finding("D", 4, 6, 0.9)]
    assert [f.kind for f in resolve(findings)] == ["B", "C"]


def test_long_texts_are_searched_over_the_seams() -> None:
    seam = PIECE_CHARS - OVERLAP_CHARS
    text = "a " * (seam // 2 - 4) + "taro@example.com and more " + "b " * 2000
    (found,) = ENGINE.find(text)
    assert text[found.start : found.end] == "taro@example.com"


def test_kinds_and_threshold() -> None:
    text = "taro@example.com 4111111111111111 123456789018"
    assert [f.kind for f in Engine(["CREDIT_CARD"]).find(text)] == ["CREDIT_CARD"]
    assert "JP_MY_NUMBER" in {f.kind for f in Engine(threshold=0.4).find(text)}
