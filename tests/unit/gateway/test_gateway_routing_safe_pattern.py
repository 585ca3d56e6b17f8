import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.gateway.routing.safe_pattern import compile_safe_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "gpt",
        "^gpt-4.*-mini$",
        "^[a-z]+-[0-9]+-[^]]+$",
        r"^\w+@example\.com$",
        "^team-(?:a|b|c)$",
        "a|b|c",
        "^(?:ab)+$",
        "https?://",
        "[0-9]{4}-[0-9]{2}",
        "^x{2,5}$",
        "{literal}",
        "日本.*",
    ],
)
def test_ordinary_patterns_pass(pattern: str) -> None:
    assert compile_safe_pattern(pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a|a)*",
        "^((a|b)){2}",
        "(?:(?:a?)b){3,}",
        ".*.*.*",
        "^.*.*.*.*x",
        "^" + "(a|a)" * 30,
        "^" + "a?" * 30 + "a" * 30,
        "^" + "a{0,50}" * 8,
        "(?=a)",
        "(?P<n>a)",
        "(?i)a",
        r"(a)\1",
        "(a",
        "a)",
        "[a",
        "*a",
        "a" * 300,
        "a{3,1}",
        "\\",
    ],
)
def test_patterns_that_could_run_long_or_cannot_be_read_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        compile_safe_pattern(pattern)


@given(st.text(alphabet="ab(|)*+?.[]^{1,2}\\d", max_size=24))
def test_any_text_gives_a_pattern_or_a_value_error(pattern: str) -> None:
    try:
        compiled = compile_safe_pattern(pattern)
    except ValueError:
        return
    assert isinstance(compiled, re.Pattern)
    compiled.search("ab" * 64)
