"""Words that speak against one answer for two questions which an embedding finds alike."""

import pytest

from kaname.gateway.cache.wording import ask_the_same


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("How do I enable it?", "How do I disable it?"),
        ("Refund after 14 days?", "Refund after 40 days?"),
        ("Convert 5 miles to kilometres.", "Convert 5 kilometres to miles."),
        ("Is it allowed?", "Isn't it allowed?"),
        ("Is it safe?", "Is it not safe?"),
        ("Which plan includes support?", "Which plan does not include support?"),
        ("Translate “day”", "Translate “night”"),
        ("二段階認証を有効にする", "二段階認証を無効にする"),
        ("14日後でも返金できますか", "40日後でも返金できますか"),
        ("サポートがあるプラン", "サポートがないプラン"),
        ("東京から大阪まで", "大阪から東京まで"),
        ("「おはよう」を英語に", "「おやすみ」を英語に"),
        ("1万円以上", "1万円以下"),
        ("", "?"),
    ],
)
def test_near_misses_are_doubted(one: str, two: str) -> None:
    assert not ask_the_same(one, two)
    assert not ask_the_same(two, one)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("How do I reset my password?", "How can I reset my password?"),
        ("What is the capital of France?", "What's the capital city of France?"),
        ("How many legs does a spider have?", "How many legs do spiders have?"),
        ("フランスの首都はどこですか。", "フランスの首都を教えてください。"),
        ("５個ください", "5個ください"),
    ],
)
def test_paraphrases_are_not(one: str, two: str) -> None:
    assert ask_the_same(one, two)
    assert ask_the_same(two, one)
