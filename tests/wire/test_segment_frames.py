"""Segment frames: headers, gaps and trailers come back, and are refused where they are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import bundles, chunks, headers

from asyncrr.chunks import Chunk
from asyncrr.errors import CorruptError
from asyncrr.wire import (
    CRITICAL,
    FOOTER_BYTES,
    KIND_TRAILER,
    Gap,
    RecordingHeader,
    SegmentIndex,
    decode_gap,
    decode_header,
    decode_trailer,
    encode_chunk,
    encode_gap,
    encode_header,
    parse_frame,
    summary_of,
    trailer,
    trailer_length,
)
from asyncrr.wire.framing import KIND_GAP, KIND_HEADER, seal

HEADER = RecordingHeader("app", "rec", "0" * 32, -5)


@given(headers)
def test_headers_come_back(header: RecordingHeader) -> None:
    frame = encode_header(header)
    assert frame.flags & CRITICAL
    assert decode_header(parse_frame(frame)) == header


@given(
    st.builds(
        Gap,
        st.integers(0, 9),
        st.integers(9, 99),
        st.integers(0, 9),
        st.text(),
        st.lists(st.text()).map(tuple),
        st.integers(1, 5),
    )
)
def test_gaps_come_back(gap: Gap) -> None:
    frame = encode_gap(gap, 5)
    assert not frame.flags & CRITICAL
    assert decode_gap(parse_frame(frame)) == gap


def test_of_very_many_paths_some_are_kept() -> None:
    gap = Gap(0, 1, 2, "x", tuple(map(str, range(5000))))
    assert len(decode_gap(parse_frame(encode_gap(gap, 1))).entity_paths) == 1024


@pytest.mark.parametrize(
    ("kind", "decode", "head"),
    [
        (KIND_HEADER, decode_header, {}),
        (KIND_HEADER, decode_header, {"a": 1, "r": "", "w": "0" * 32, "t": 0}),
        (KIND_HEADER, decode_header, {"a": "", "r": "x" * 2000, "w": "0" * 32, "t": 0}),
        (KIND_HEADER, decode_header, {"a": "", "r": "", "w": "0" * 32, "t": 2**63}),
        (KIND_GAP, decode_gap, {}),
        (KIND_GAP, decode_gap, {"f": 5, "l": 4, "n": 1, "y": ""}),
        (KIND_GAP, decode_gap, {"f": 5, "l": 5, "n": 1, "y": "", "q": 3}),
        (KIND_TRAILER, decode_trailer, {}),
    ],
)
def test_other_heads_are_damage_and_say_where(kind: int, decode: Any, head: dict[str, Any]) -> None:
    with pytest.raises(CorruptError) as caught:
        decode(parse_frame(seal(kind, 2, head), 33))
    assert caught.value.offset == 33


def index_of(parts: list[Any], start: int = 100) -> tuple[SegmentIndex, int]:
    index = SegmentIndex(start)
    offset = start + 16
    for frame in parts:
        index.add(frame, offset)
        offset += frame.nbytes
    return index, offset


@given(st.lists(st.one_of(chunks(), bundles()), max_size=4))
def test_an_index_tells_where_every_chunk_lies(drawn: list[Chunk]) -> None:
    frames = [encode_chunk(chunk, number) for number, chunk in enumerate(drawn, 1)]
    gap = encode_gap(Gap(0, 1, 2, "x"), 9)
    index, end = index_of([encode_header(HEADER), *frames, gap])
    assert index.nbytes >= 8 * (1 + 3 * len(frames))  # the gap's place; place, size and number of each chunk
    frame = index.trailer(end)
    data = bytes(frame)
    assert trailer_length(data[-FOOTER_BYTES:]) == len(data)
    found = decode_trailer(parse_frame(data))
    assert found.segment_bytes == end - 100
    assert (found.frame_count, found.last_sequence) == (len(frames) + 1, 9)
    assert found.row_count == sum(map(len, drawn))
    assert found.gaps == (end - 100 - gap.nbytes,)
    assert found.entries is not None
    place = 16 + encode_header(HEADER).nbytes
    for entry, one in zip(found.entries, frames, strict=True):
        assert entry[:3] == (place, one.nbytes, one.sequence)
        assert entry.summary == summary_of(one)
        place += one.nbytes


def test_other_bytes_are_no_footer() -> None:
    assert trailer_length(bytes(FOOTER_BYTES)) is None


def test_too_many_or_too_various_chunks_have_no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(component: str) -> Any:
        return encode_chunk(Chunk("a", np.arange(1, dtype=np.uint64), {}, {}, True), 1)

    monkeypatch.setattr(trailer, "MAX_INDEX_ENTRIES", 2)
    index, end = index_of([one("a")] * 4)
    found = decode_trailer(parse_frame(index.trailer(end)))
    assert found.entries is None
    assert found.row_count == 4
    monkeypatch.undo()
    names = [f"{number:01000}" for number in range(1100)]
    timelines: list[dict[str, Any]] = [{name: ("sequence", np.arange(1))} for name in names]
    various = [encode_chunk(Chunk("a", np.arange(1, dtype=np.uint64), each, {}), 1) for each in timelines]
    index, end = index_of(various)
    assert decode_trailer(parse_frame(index.trailer(end))).entries is None


LAYOUT = [False, [["t", "sequence"]], ["c"]]


def indexed(
    rows: Any = (0, 8, 1, 1, 0, 0, 0, 0),
    counts: Any = (1, 1, 2, 1),
    layouts: Any = (LAYOUT,),
    length: int = 1,
    run: Any = (0, 1),
) -> Any:
    body_bytes = (
        np.int64(rows).tobytes()
        + np.uint32([length, 0]).tobytes()
        + b"a\0\0\0\0\0\0\0"
        + np.int64([3, 4]).tobytes()
        + np.int64(run).tobytes()
    )
    form = [counts[0], 0, counts[1], 64, 72, counts[2], 80, list(layouts), counts[3], 96]
    head = {"s": 8, "f": 1, "n": 1, "q": 1, "g": [0, 0], "x": form}
    return parse_frame(seal(KIND_TRAILER, 0, head, [body_bytes]))


def test_the_index_here_is_otherwise_sound() -> None:
    found = decode_trailer(indexed())
    assert found.entries is not None
    assert found.entries[0].summary.timelines == {"t": ("sequence", 3, 4)}
    bundled = decode_trailer(indexed(rows=(0, 8, 1, 1, 0, 0, -1, 0)))
    assert bundled.entries is not None
    assert bundled.entries[0].summary.runs == (("a", 1),)


@pytest.mark.parametrize(
    "frame",
    [
        indexed(rows=(-1, 8, 1, 1, 0, 0, 0, 0)),
        indexed(rows=(0, 9, 1, 1, 0, 0, 0, 0)),
        indexed(rows=(0, 8, 1, 1, 0, 0, 1, 0)),
        indexed(rows=(0, 8, 1, 1, 0, 0, 0, 1)),
        indexed(rows=(0, 8, 1, 1, 0, 0, 0, -1)),
        indexed(rows=(0, 8, 1, 1, 0, 0, -2, 0)),
        indexed(rows=(0, 8, 1, 1, 0, 0, -1, 0), run=(1, 1)),
        indexed(rows=(0, 8, 1, 1, 0, 0, -1, 0), run=(-1, 1)),
        indexed(rows=(0, 8, 1, 1, 0, 0, -1, 0), run=(0, 0)),
        indexed(rows=(0, 8, 1, 1, 0, 0, -1, 0), run=(0, 2)),
        indexed(counts=(2**20 + 1, 1, 2, 1)),
        indexed(counts=(50, 1, 2, 1)),
        indexed(counts=(1, 50, 2, 1)),
        indexed(counts=(1, 1, 1, 1)),
        indexed(counts=(1, 1, 50, 1)),
        indexed(counts=(1, 1, 2, 50)),
        indexed(length=10_000),
        indexed(layouts=[]),
        indexed(layouts=[[]]),
        indexed(layouts=[[False, [[]], []]]),
        indexed(layouts=[[False, [], [5]]]),
        parse_frame(seal(KIND_TRAILER, 0, {"s": 8, "f": 1, "n": 1, "q": 1, "g": [0, 0], "x": [1]})),
        parse_frame(seal(KIND_TRAILER, 0, {"s": 8, "f": 1, "n": 1, "q": 1, "g": [1, 0]}, [b"\x09" + bytes(7)])),
    ],
)
def test_a_hostile_index_is_damage(frame: Any) -> None:
    with pytest.raises(CorruptError):
        decode_trailer(frame)
