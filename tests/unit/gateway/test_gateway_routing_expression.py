from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.routing.expression import compile_expression
from kaname.gateway.routing.expression_tokens import ExpressionError
from kaname.gateway.routing.model import RouteInput

CALL = RouteInput(
    model="gpt-4o-mini",
    surface="chat",
    stream=True,
    key_name="web",
    key_id="key_1",
    project_id="prj_1",
    session_id="s-1",
    user_id="",
    tags=["beta", "日本"],
    metadata={"plan": "free", "tier": "3", "trial": "true", "ratio": "-0.5", "long": "a" * 500},
    headers={b"x-team": "名古屋".encode(), b"x-bad": b"\xff"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('metadata.plan == "free"', True),
        ("metadata.plan != 'free'", False),
        ('"free" == metadata.plan', True),
        ("metadata.missing == null", True),
        ('metadata.missing == "x"', False),
        ('metadata.missing != "x"', True),
        ("metadata.missing < 3", False),
        ("user_id == null and session_id != null", True),
        ("metadata.tier == 3", True),
        ("metadata.tier >= 2.5", True),
        ("4 > metadata.tier", True),
        ("metadata.plan > 1", False),
        ("metadata.ratio < 0", True),
        ("metadata.trial == true", True),
        ("metadata.plan == true", False),
        ("metadata.plan != true", True),
        ('model < "h"', True),
        ("model == 3", False),
        ("stream == 1", False),
        ("stream", True),
        ("not stream", False),
        ("stream == metadata.trial", True),
        ("1 < 2", True),
        ("true == 1", False),
        ('"beta" in tags', True),
        ('"gamma" not in tags', True),
        ('not "gamma" in tags', True),
        ('contains(tags, "日本")', True),
        ('contains(tags, "bet")', False),
        ('contains(model, "4o")', True),
        ("metadata.plan in ['pro', \"free\"]", True),
        ("metadata.tier in [1, 2, 3]", True),
        ("metadata.missing in [null]", True),
        ("metadata.plan in []", False),
        ('startswith(model, "gpt-") and endswith(model, "mini")', True),
        ('startswith(metadata.missing, "a")', False),
        ('headers.X-Team == "名古屋"', True),
        ("headers.x-bad == null", False),
        ('matches(model, "^gpt-4[.o]")', True),
        (r'matches(model, "^gpt-\d+o?-(?:mini|nano)$")', True),
        ('matches(model, "turbo")', False),
        ('matches(metadata.long, "a")', False),
        ('surface == "messages" or key == "web" and key_id == "key_1"', True),
        ('(surface == "messages" or key == "web") and key_id == "key_2"', False),
        ("not (stream and not stream)", True),
        (r'"a\"b\\" == "a\"b\\"', True),
    ],
)
def test_conditions_mean_what_they_say(text: str, expected: bool) -> None:
    assert compile_expression(text)(CALL) is expected


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", 1, "Expected a value"),
        ("metadta.plan == 'x'", 1, "metadta.plan"),
        ("stream and modle == 'x'", 12, "model"),
        ("metadata.plan = 'x'", 15, "=="),
        ("metadata.plan == 'x", 18, "no end"),
        ("model", 1, "condition"),
        ("stream and model", 12, "condition"),
        ("(stream", 8, "')'"),
        ("stream stream", 8, "one word too many"),
        ("1 < 2 < 3", 7, "two sides"),
        ("model in 'gpt'", 10, "contains"),
        ("tags == ['a']", 6, "`in`"),
        ("['a'] in tags", 7, "list"),
        ("[model] == 1", 1, "literals"),
        ("startswith(model)", 1, "two values"),
        ("startswith(tags, 'a')", 12, "list"),
        ("contains(model, 3)", 17, "text"),
        ("matches(model, model)", 16, "literal"),
        ("matches(model, '(a+)+')", 16, "repeats"),
        ("__import__('os')", 1, "no name"),
        ("model.upper == 'A'", 1, "no name"),
        ("stream; stream", 7, "';"),
        ("(" * 40 + "stream" + ")" * 40, 33, "nested"),
        ("not " * 40 + "stream", 129, "nested"),
    ],
)
def test_a_wrong_condition_is_refused_with_its_column(text: str, column: int, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert caught.value.column == column
    assert part in caught.value.message + caught.value.hint


def test_a_condition_has_a_bounded_length() -> None:
    with pytest.raises(ExpressionError):
        compile_expression("stream or " * 300 + "stream")
    assert compile_expression(" or ".join(["stream"] * 200))(CALL)


_WORDS = (
    *(
        "and",
        "or",
        "not",
        "in",
        "==",
        "!=",
        "<",
        ">=",
        "(",
        ")",
        "[",
        "]",
        ",",
        "true",
        "null",
        "3",
        "-1.5",
        "'a'",
        '"b"',
    ),
    *("model", "stream", "tags", "metadata.plan", "headers.x-team", "startswith", "contains", "matches"),
)


@given(st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join) | st.text(max_size=40))
def test_any_text_compiles_to_a_bool_or_is_refused(text: str) -> None:
    try:
        condition = compile_expression(text)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1
    else:
        assert condition(CALL) in (True, False)


_ATOMS = ("stream", "true", "model == 'gpt-4o-mini'", "'beta' in tags", "metadata.tier > 5", "metadata.plan != 'free'")


@st.composite
def _conditions(draw: Any, depth: int = 4) -> str:
    kind = draw(st.sampled_from(["atom", "and", "or", "not", "group"])) if depth else "atom"
    if kind == "atom":
        return draw(st.sampled_from(_ATOMS))
    if kind == "not":
        return f"not ({draw(_conditions(depth - 1))})"
    if kind == "group":
        return f"({draw(_conditions(depth - 1))})"
    return f"{draw(_conditions(depth - 1))} {kind} {draw(_conditions(depth - 1))}"


@given(_conditions())
def test_precedence_is_python_s(text: str) -> None:
    python = text.replace("true", "True").replace("metadata.tier", "tier")
    python = python.replace("metadata.plan", "plan")
    names = {"stream": True, "model": "gpt-4o-mini", "tags": ["beta"], "tier": 3, "plan": "free"}
    assert compile_expression(text)(CALL) is eval(python, {}, names)
