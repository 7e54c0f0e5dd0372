"""The frame reader: what it finds in whole, torn, damaged and strange bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncrr.chunks import Chunk
from asyncrr.errors import UnsupportedVersionError
from asyncrr.wire import (
    CRITICAL,
    FILE_MAGIC,
    PREAMBLE,
    SYNC_MARK,
    Damage,
    FrameReader,
    Gap,
    RawFrame,
    RecordingHeader,
    SegmentStart,
    encode_chunk,
    encode_gap,
    encode_header,
    read_frames,
)
from asyncrr.wire.framing import KIND_HEADER, encode_preamble, seal

HEADER = RecordingHeader("app", "rec", "0" * 32, 0)
HEAD = bytes(encode_header(HEADER))
OTHER = bytes(encode_header(HEADER._replace(recording_id="other")))


def gap(sequence: int) -> bytes:
    return bytes(encode_gap(Gap(0, 1, 2, "x"), sequence))


def blob(data: bytes, sequence: int = 5) -> bytes:
    """A frame with such a body."""
    return bytes(seal(3, sequence, {}, [data + bytes(-len(data) & 7)]))


def told(events: list[Any]) -> list[Any]:
    """Sequence numbers of frames, offset and length of damage, offsets of segments."""
    return [
        each.sequence
        if isinstance(each, RawFrame)
        else each[:2]
        if isinstance(each, Damage)
        else ("start", each.offset)
        for each in events
    ]


def found(data: bytes) -> list[Any]:
    """What is found, whichever pieces the bytes come in."""
    whole = told(read_frames(data))
    for size in (1, 3, 50):
        reader = FrameReader()
        events: list[Any] = []
        for start in range(0, len(data), size):
            events += reader.feed(data[start : start + size])
        assert told(events + reader.close()) == whole
    return whole


def flipped(data: bytes, place: int = -1) -> bytes:
    place %= len(data)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_nothing_is_nothing() -> None:
    assert found(b"") == []


def test_frames_need_no_preamble_and_may_have_several() -> None:
    assert [each for each in found(gap(1) + PREAMBLE + HEAD + gap(2)) if isinstance(each, int)] == [1, 0, 2]


def test_frames_are_views_of_what_was_fed_whole() -> None:
    data = gap(1) + gap(2)
    for frame in read_frames(data, 1000):
        assert isinstance(frame, RawFrame)
        assert np.shares_memory(np.frombuffer(frame.data, np.uint8), np.frombuffer(data, np.uint8))
    assert [frame.offset for frame in read_frames(data, 1000)] == [1000, 1000 + len(gap(1))]


def test_a_damaged_frame_costs_itself_alone() -> None:
    size = len(gap(1))
    for place in range(size):
        events = read_frames(gap(1) + flipped(gap(2), place) + gap(3))
        assert told(events) == [1, (size, size), 3]
        assert found(gap(1) + flipped(gap(2), place) + gap(3)) == [1, (size, size), 3]


def test_a_damaged_last_frame_is_told() -> None:
    assert found(gap(1) + flipped(gap(2))) == [1, (len(gap(1)), len(gap(2)))]


def test_what_a_damaged_frame_carries_is_not_taken_for_frames() -> None:
    inside = blob(gap(7) + gap(8))
    assert found(flipped(inside) + gap(2)) == [(0, len(inside)), 2]
    assert found(flipped(inside)) == [(0, len(inside))]
    nested = blob(PREAMBLE + OTHER + gap(7))
    assert found(PREAMBLE + HEAD + flipped(nested) + gap(2))[-2:] == [(16 + len(HEAD), len(nested)), 2]
    assert found(PREAMBLE + HEAD + flipped(nested) + PREAMBLE + HEAD)[-1] == 0


@pytest.mark.parametrize("kept", [1, 8, 39, 40, 41, 60, 4000])
def test_a_torn_frame_does_not_swallow_the_segment_behind_it(kept: int) -> None:
    torn = blob(bytes(4096))[:kept]
    data = PREAMBLE + HEAD + torn + PREAMBLE + HEAD + gap(3)
    start = 16 + len(HEAD)
    assert found(data) == [("start", 0), 0, (start, kept), ("start", start + kept), 0, 3]


def test_a_torn_frame_swallows_no_segment_that_is_longer_than_what_it_announces() -> None:
    torn = blob(bytes(64))[:60]
    data = PREAMBLE + HEAD + torn + PREAMBLE + HEAD + b"".join(map(gap, range(1, 20)))
    assert [each for each in found(data) if isinstance(each, int)] == [0, 0, *range(1, 20)]


def test_a_torn_frame_before_frames_without_a_segment_is_passed_by() -> None:
    torn = blob(bytes(4096))[:60]
    assert found(gap(1) + torn + gap(2) + gap(3)) == [1, (len(gap(1)), 60), 2, 3]


@pytest.mark.parametrize(
    "inside",
    [
        PREAMBLE,
        PREAMBLE + HEAD[:30],
        PREAMBLE + flipped(HEAD, 50),
        PREAMBLE + flipped(HEAD, 20),
        PREAMBLE + gap(1),
        PREAMBLE + bytes(seal(KIND_HEADER, 0, {"a": 1})),
        PREAMBLE + bytes(seal(KIND_HEADER, 0, {"a": "x" * 70_000})),
        FILE_MAGIC,
        SYNC_MARK + bytes(32),
        SYNC_MARK,
    ],
)
def test_what_looks_like_a_segment_within_a_damaged_frame_is_not_believed(inside: bytes) -> None:
    bad = flipped(blob(bytes(16) + inside), 41)
    assert found(PREAMBLE + HEAD + bad + gap(9))[-2:] == [(16 + len(HEAD), len(bad)), 9]
    reader = FrameReader()
    events = reader.feed(PREAMBLE + HEAD + bad + inside) + reader.close()
    assert next(each for each in told(events) if isinstance(each, tuple)) == ("start", 0)


def test_a_segment_that_is_cut_within_its_header_is_waited_for() -> None:
    torn = blob(bytes(500))[:60]
    data = PREAMBLE + HEAD + torn + PREAMBLE + HEAD
    for length in range(16 + len(HEAD) + 60, len(data)):
        assert found(data[:length])[:2] == [("start", 0), 0]


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_any_bytes_are_damage_up_to_the_next_frame(before: bytes, after: bytes) -> None:
    events = read_frames(before + gap(4) + after)
    assert 4 in told(events)
    lengths = [each.length for each in events if isinstance(each, Damage)]
    assert sum(lengths) == len(before) + len(after)


def test_a_preamble_that_is_cut_or_damaged_is_told() -> None:
    assert found(gap(1) + PREAMBLE[:12]) == [1, (len(gap(1)), 12)]
    assert found(flipped(PREAMBLE, 9) + gap(1)) == [(0, 16), 1]
    assert found(b"x" + PREAMBLE[:12]) == [(0, 13)]
    assert found(b"x" + PREAMBLE + gap(1)) == [(0, 1), ("start", 1), 1]


def test_translated_line_ends_are_named() -> None:
    event = read_frames((PREAMBLE + HEAD).replace(b"\r\n", b"\n"))[0]
    assert isinstance(event, Damage)
    assert "line ends" in event.reason


def test_a_header_frame_that_holds_none_is_damage() -> None:
    bad = bytes(seal(KIND_HEADER, 0, {"a": 1}))
    assert found(PREAMBLE + bad + gap(1)) == [("start", 0), (16, len(bad)), 1]


def test_unknown_frames_are_skipped_and_counted() -> None:
    unknown = bytes(seal(77, 2, {}))
    reader = FrameReader()
    assert told(reader.feed(gap(1) + unknown + gap(3))) == [1, 3]
    assert reader.skipped == 1
    assert told(FrameReader(keep_unknown=True).feed(gap(1) + unknown + gap(3))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("strange", "name"),
    [(bytes(seal(77, 2, {}, flags=CRITICAL)), "kind 77"), (encode_preamble(major=9), r"version 9\.0")],
)
def test_what_must_be_understood_is_refused_by_name_after_what_comes_before(strange: bytes, name: str) -> None:
    reader = FrameReader()
    assert told(reader.feed(gap(1) + strange)) == [1]
    with pytest.raises(UnsupportedVersionError, match=name):
        reader.feed(gap(2))
    with pytest.raises(UnsupportedVersionError, match=name):
        reader.close()
    with pytest.raises(UnsupportedVersionError, match=name):
        read_frames(strange)
    with pytest.raises(UnsupportedVersionError, match=name):
        FrameReader().feed(strange)


def test_frames_beyond_a_given_size_are_damage() -> None:
    reader = FrameReader(max_frame_bytes=200)
    big = blob(bytes(4096))
    assert told(reader.feed(big + gap(1)) + reader.close()) == [(0, len(big)), 1]


def test_damage_in_a_large_source_is_passed_by_in_pieces() -> None:
    data = bytes(3 * 2**16 - 4) + gap(1)
    assert told(read_frames(data)) == [(0, 3 * 2**16 - 4), 1]
    chunk = Chunk("a", np.arange(1, dtype=np.uint64), {}, {})
    assert told(read_frames(bytes(encode_chunk(chunk, 2)) + data))[0] == 2


def test_segments_say_where_they_start() -> None:
    assert read_frames(PREAMBLE, 8) == [SegmentStart(8)]
