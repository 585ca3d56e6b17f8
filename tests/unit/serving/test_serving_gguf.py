"""The GGUF header reader: what it keeps, and that damaged files are refused before native code sees them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaname.kernel.errors import InvalidInputError
from kaname.serving.gguf import derive_capabilities, read_gguf_header


def write(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def test_reads_metadata_and_counts_parameters(tmp_path: Path, gguf: Callable[..., bytes]) -> None:
    header = read_gguf_header(write(tmp_path / "m.gguf", gguf()))
    assert (header.architecture, header.context_length, header.parameters) == ("llama", 128, 6)
    assert header.text("general.license") == "apache-2.0"
    assert "tokenizer.ggml.tokens" not in header.metadata


def test_capabilities_come_from_the_template(tmp_path: Path, gguf: Callable[..., bytes]) -> None:
    plain = derive_capabilities(read_gguf_header(write(tmp_path / "a.gguf", gguf())))
    tools = derive_capabilities(
        read_gguf_header(write(tmp_path / "b.gguf", gguf(template="{% if tools %}x{% endif %}")))
    )
    base = derive_capabilities(read_gguf_header(write(tmp_path / "c.gguf", gguf(template=""))))
    assert (plain.chat, plain.tools) == (True, False)
    assert tools.tools
    assert not base.chat


@pytest.mark.parametrize(
    "body",
    [b"", b"GGUF", b"PK\x03\x04" + b"\0" * 100, b"GGUF\x01\0\0\0" + b"\0" * 100, b"GGUF\x03\0\0\0" + b"\xff" * 16],
)
def test_refuses_what_is_not_gguf(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_gguf_header(write(tmp_path / "m.gguf", body))
    assert caught.value.code == "model_invalid"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_an_error_and_never_a_crash(tmp_path: Path, gguf: Callable[..., bytes], data: st.DataObject) -> None:
    body = bytearray(gguf())
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(body[: data.draw(st.integers(0, len(body)))])
    try:
        read_gguf_header(write(tmp_path / "m.gguf", damaged))
    except InvalidInputError as e:
        assert e.code == "model_invalid"
