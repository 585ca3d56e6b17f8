"""Frames: what was encoded comes back, and damage never passes for an entry."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.storage.journal.frames import (
    Frame,
    SegmentHeader,
    decode_entry,
    decode_segment_header,
    encode_body_head,
    encode_frame_header,
    encode_segment_header,
    find_frame,
    frame_at,
)
from kaname.storage.journal.model import ENTRY_KINDS


def encode(sequence: int, payload: bytes, project: str = "prj_1", kind: str = "score", headers=None) -> bytes:
    head = encode_body_head(kind, project, 1234, headers or {})
    return encode_frame_header(sequence, head, payload) + head + payload


@given(
    st.integers(0, 2**64 - 1),
    st.binary(max_size=300),
    st.text(max_size=20).filter(lambda t: t.isprintable()),
    st.sampled_from(ENTRY_KINDS),
    st.dictionaries(st.text("abc-", max_size=5), st.text("xyz", max_size=5), max_size=3),
)
def test_round_trip(sequence, payload, project, kind, headers):
    data = b"before" + encode(sequence, payload, project, kind, headers) + b"after"
    frame = frame_at(data, 6)
    assert isinstance(frame, Frame)
    assert frame.end == len(data) - 5
    entry = decode_entry(data, frame, segment=7, offset_of_data=100)
    assert (entry.kind, entry.project_id, entry.payload, dict(entry.headers)) == (kind, project, payload, headers)
    assert entry.position == (sequence, 7, 100 + frame.end)
    assert entry.received_ns == 1234


@given(st.binary(min_size=1, max_size=60), st.data())
@settings(max_examples=200)
def test_one_flipped_bit_is_noticed(payload, data):
    raw = bytearray(encode(5, payload))
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << at % 8
    assert not isinstance(frame_at(raw, 0), Frame)


@given(st.binary(max_size=60), st.data())
def test_every_truncation_is_short(payload, data):
    raw = encode(5, payload)
    cut = data.draw(st.integers(0, len(raw) - 1))
    assert frame_at(raw[:cut], 0) == "short"


def test_frames_are_found_behind_damage():
    good = encode(9, b"\xabKNJ looks like a marker")
    data = b"\xabKNJ" + b"garbage" * 9 + good
    at = find_frame(data, 0, after_sequence=3)
    assert at is not None
    assert data[at:] == good
    assert find_frame(data, 0, after_sequence=9) is None


def test_segment_header_round_trip_and_damage():
    raw = bytearray(encode_segment_header(SegmentHeader(42, 7)))
    assert decode_segment_header(raw) == (42, 7)
    raw[9] ^= 1
    assert decode_segment_header(raw) is None
    assert decode_segment_header(raw[:10]) is None
