"""Reading: recordings from files, directories and bytes, whole and damaged, of one writer and many."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncrr import reading
from asyncrr import segments as segments_module
from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import CorruptError, FormatError, MissingExtraError, UnsupportedVersionError, UsageError
from asyncrr.reading import RecordingData, read_recording
from asyncrr.wire import (
    CRITICAL,
    KIND_CHUNK,
    KIND_HEADER,
    KIND_TRAILER,
    PREAMBLE,
    REPEATED,
    Frame,
    Gap,
    RecordingHeader,
    SegmentIndex,
    encode_chunk,
    encode_gap,
    encode_header,
    with_flags,
)
from asyncrr.wire.framing import encode_preamble, seal

HEADER = RecordingHeader("app", "rec", "a" * 32, 100)
LATER = HEADER._replace(writer_id="b" * 32, created_ns=200)
SCALARS = ComponentDescriptor("Scalars:scalars", "float64")


def chunk(values: list[float], first: int = 0, path: str = "a", **times: list[int]) -> Chunk:
    rows = len(values)
    return Chunk(
        path,
        np.arange(first, first + rows, dtype=np.uint64),
        {name: ("sequence", np.array(each, np.int64)) for name, each in times.items()},
        {SCALARS.id: Column.from_batches(SCALARS, values, rows)},
        not times,
    )


def segment(frames: list[Frame], header: RecordingHeader = HEADER, start: int = 0, is_ended: bool = True) -> bytes:
    index = SegmentIndex(start)
    data = PREAMBLE
    for frame in [encode_header(header), *frames]:
        index.add(frame, start + len(data))
        data += bytes(frame)
    return data + bytes(index.trailer(start + len(data))) if is_ended else data


def values(recording: RecordingData, path: str = "a", timeline: str | None = None) -> list[float]:
    return [float(row.components[SCALARS.id][0]) for row in recording.rows(path, timeline)]  # type: ignore[arg-type]


FRAMES = [
    encode_chunk(chunk([1.0, 2.0], 0, t=[0, 1]), 1),
    encode_chunk(chunk([3.0], 2, "b/c", u=[7]), 2),
    encode_chunk(chunk([9.0], 3, "b/c"), 3),
]
WHOLE = segment(FRAMES)


@pytest.fixture(params=[True, False], ids=["index", "scan"])
def use_index(request: Any) -> bool:
    return bool(request.param)


def test_what_a_recording_holds(use_index: bool) -> None:
    data = read_recording(WHOLE, use_index=use_index)
    assert (data.application_id, data.recording_id) == ("app", "rec")
    assert data.is_complete
    assert data.damage == []
    assert data.gaps() == []
    assert data.entity_paths() == ["a", "b/c"]
    assert data.timelines() == {"t": "sequence", "u": "sequence"}
    assert data.components("a") == [SCALARS.id]
    assert data.row_count("a") == 2
    assert data.time_range("t") == (0, 1)
    assert data.time_range("x") is None
    assert [writer[:] for writer in data.writers()] == [("a" * 32, 100, 4, 3, True)]
    assert values(data) == [1.0, 2.0]
    assert values(data, "/a", "t") == [1.0, 2.0]
    assert values(data, "nothing") == []
    assert data.column("b/c", SCALARS.id, "u").values.tolist() == [[9.0], [3.0]]  # type: ignore[union-attr]
    assert list(data.latest_at("t", 5)) == ["a", "b/c"]
    assert list(data.latest_at("t", 5, "b/**")) == ["b/c"]
    assert data.latest_at("u", -1)["b/c"][SCALARS.id] == [9.0]
    assert sum(1 for _ in data.stored_chunks()) == 3
    assert repr(data) == "<RecordingData 'rec': 2 entities, 4 rows, complete>"


@pytest.mark.parametrize("component", ["Other:thing", SCALARS.id])
def test_a_component_that_is_not_there_is_named_with_those_that_are(component: str) -> None:
    path = "a" if component != SCALARS.id else "nowhere"
    with pytest.raises(UsageError, match=r"it has (Scalars:scalars|none)"):
        read_recording(WHOLE).column(path, component)


@pytest.mark.parametrize("size", [0, 2**30])
def test_every_kind_of_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(segments_module, "_MAPPED_BYTES", size)
    path = tmp_path / "one.arrd"
    path.write_bytes(WHOLE)
    sources: list[Any] = [path, str(path), tmp_path, WHOLE, bytearray(WHOLE), memoryview(WHOLE), io.BytesIO(WHOLE)]
    for source in sources:
        assert values(read_recording(source)) == [1.0, 2.0]


def test_a_source_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_recording(tmp_path / "none.arrd")
    with pytest.raises(FileNotFoundError, match=r"no \.arrd file"):
        read_recording(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a recording"),
        (b"anything else, of some length", "not a recording"),
        (WHOLE.replace(b"\r\n", b"\n"), "line ends"),
        (WHOLE[:10], "not a recording"),
    ],
)
def test_other_bytes_are_no_recording(data: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_recording(data)


@pytest.mark.parametrize("place", range(16))
def test_a_damaged_start_costs_nothing_else(place: int) -> None:
    data = read_recording(WHOLE[:place] + bytes([WHOLE[place] ^ 4]) + WHOLE[place + 1 :], use_index=False)
    assert values(data) == [1.0, 2.0]
    assert data.damage


def test_a_later_version_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedVersionError, match=r"version 2\.0"):
        read_recording(encode_preamble(major=2) + WHOLE[16:])


def bundle_of(paths: list[str], first: int, **times: list[int]) -> Bundle:
    """One row for each entity, its value its place."""
    rows = chunk([float(place) for place in range(len(paths))], first, **times)
    return Bundle(tuple([Run(path, 1) for path in paths]), rows.row_numbers, rows.timelines, rows.columns)


BUNDLED = segment(
    [
        encode_chunk(bundle_of(["a", "b", "c"], 0, t=[10, 20, 30]), 1),
        encode_chunk(chunk([5.0], 3, "b", t=[25]), 2),
        encode_chunk(bundle_of(["b", "a"], 4, t=[12, 40]), 3),
    ]
)


def test_entities_that_share_chunks_are_read_like_others(use_index: bool) -> None:
    data = read_recording(BUNDLED, use_index=use_index)
    assert data.is_complete
    assert data.entity_paths() == ["a", "b", "c"]
    assert [data.row_count(path) for path in "abc"] == [2, 3, 1]
    assert data.time_range("t") == (10, 40)
    assert values(data, "a", "t") == [0.0, 1.0]
    assert values(data, "b", "t") == [0.0, 1.0, 5.0]
    assert [row.row_id[1] for row in data.rows("b")] == [1, 3, 4]
    assert {path: state[SCALARS.id][0] for path, state in data.latest_at("t", 15).items()} == {"a": 0.0, "b": 0.0}
    assert data.latest_at("t", 24, "b")["b"][SCALARS.id][0] == 1.0
    assert (len(list(data.stored_chunks())), len(data.frames())) == (6, 3)
    shares = sum(stored.nbytes for stored in data.stored_chunks())
    assert 0 <= sum(frame.nbytes for frame in data.frames()) - shares < 6


def test_only_chunks_that_may_hold_what_is_latest_are_decoded() -> None:
    frames = [
        encode_chunk(chunk([float(first)] * 2, 2 * first, t=[10 * first, 10 * first + 5]), first + 1)
        for first in range(5)
    ]
    data = read_recording(segment(frames))
    assert data.latest_at("t", 32)["a"][SCALARS.id] == [3.0]
    assert [frame.sequence for frame in data.frames() if frame.is_loaded] == [4]
    assert data.latest_at("t", 10)["a"][SCALARS.id] == [1.0]
    assert data.latest_at("t", 2**62)["a"][SCALARS.id] == [4.0]
    assert data.latest_at("t", -1) == {}


def test_a_time_of_another_entity_in_a_shared_chunk_hides_no_earlier_row() -> None:
    """The head of a shared chunk tells the least time of all its entities, which need not be that of each."""
    frames = [encode_chunk(chunk([7.0], 9, "b", t=[5]), 1), encode_chunk(bundle_of(["a", "b"], 0, t=[10, 20]), 2)]
    assert read_recording(segment(frames)).latest_at("t", 15)["b"][SCALARS.id] == [7.0]


def test_behind_a_damaged_chunk_an_older_row_counts() -> None:
    frames = [encode_chunk(chunk([float(t)], t, t=[t]), t + 1) for t in range(4)]
    data = bytearray(segment(frames))
    for frame in frames[2:]:
        data[data.index(bytes(frame)) + frame.nbytes - 1] ^= 0xFF
    recording = read_recording(bytes(data))
    assert recording.latest_at("t", 9)["a"][SCALARS.id] == [1.0]
    assert len(recording.damage) == 2


def test_damage_to_a_shared_chunk_is_told_once_and_takes_what_it_holds() -> None:
    frame = encode_chunk(bundle_of(["a", "b", "c"], 0, t=[10, 20, 30]), 1)
    place = BUNDLED.index(bytes(frame)) + frame.nbytes - 1
    data = read_recording(BUNDLED[:place] + b"\xff" + BUNDLED[place + 1 :])
    assert data.damage == []
    assert [values(data, path) for path in "abc"] == [[1.0], [5.0, 0.0], []]
    assert len(data.damage) == 1


def test_opening_with_an_index_reads_no_chunk(use_index: bool) -> None:
    place = WHOLE.index(bytes(FRAMES[0])) + FRAMES[0].nbytes - 1
    damaged = WHOLE[:place] + b"\xff" + WHOLE[place + 1 :]
    data = read_recording(damaged, use_index=use_index)
    assert data.is_complete is use_index
    assert values(data) == []
    assert data.row_count("a") == 0
    assert not data.is_complete
    assert data.damage[0][1:3] == (WHOLE.index(bytes(FRAMES[0])), FRAMES[0].nbytes)


def test_an_index_that_tells_another_thing_than_its_chunk_is_damage() -> None:
    lie = chunk([1.0, 2.0], 0, "x", t=[0, 1])
    index = SegmentIndex()
    index.add(encode_chunk(lie, 1), 16 + encode_header(HEADER).nbytes)
    data = segment(FRAMES[:1], is_ended=False)
    recording = read_recording(data + bytes(index.trailer(len(data))))
    assert recording.entity_paths() == ["x"]
    assert values(recording, "x") == []
    assert "another thing" in recording.damage[0].reason


def without_rows() -> SegmentIndex:
    """An index by which a chunk has no row."""
    index = SegmentIndex()
    index.add(FRAMES[0], len(PREAMBLE) + encode_header(HEADER).nbytes)
    assert index._columns is not None
    index._columns._rows[3] = 0
    return index


def broken_trailers() -> list[bytes]:
    start = segment(FRAMES, is_ended=False)
    trailer = WHOLE[len(start) :]

    def footer(length: int) -> bytes:
        return length.to_bytes(8, "little") + trailer[-8:]

    def other(kind: int, **head: Any) -> bytes:
        length = seal(kind, 0, head, [bytes(16)]).nbytes
        return bytes(seal(kind, 0, head, [footer(length)]))

    body = {"f": 0, "n": 0, "q": 0, "g": [0, 0], "x": [0, 0, 0, 0, 0, 0, 0, [], 0, 0]}
    return [
        start + trailer[:-16] + footer(2**40),
        start + trailer[:-16] + footer(len(trailer) - 8),
        start + other(KIND_TRAILER, **{**body, "s": 2**40}),
        start + other(KIND_TRAILER, **{**body, "s": 8}),
        start + other(KIND_TRAILER, **{**body, "s": len(start) - 16}),
        start + other(KIND_TRAILER, **{**body, "s": len(start), "x": 5}),
        start + other(9, **{**body, "s": len(start)}),
        start + bytes(without_rows().trailer(len(start))),
    ]


@pytest.mark.parametrize("data", broken_trailers())
def test_a_trailer_that_leads_astray_is_not_followed(data: bytes) -> None:
    assert values(read_recording(data)) == [1.0, 2.0]


def test_a_segment_whose_first_frame_is_no_header_has_no_index_to_trust() -> None:
    index = SegmentIndex()
    index.add(FRAMES[0], 16)
    data = PREAMBLE + bytes(FRAMES[0])
    data += bytes(index.trailer(len(data)))
    recording = read_recording(data)
    assert values(recording) == [1.0, 2.0]
    assert (recording.application_id, recording.recording_id) == ("", "")
    assert recording.writers()[0].writer_id == "unknown-0"
    short = bytes(FRAMES[0])
    assert values(read_recording(short + bytes(SegmentIndex(len(short)).trailer(len(short))))) == [1.0, 2.0]


def test_a_segment_without_its_end_is_incomplete(use_index: bool) -> None:
    data = read_recording(segment(FRAMES, is_ended=False), use_index=use_index)
    assert not data.is_complete
    assert data.damage == []
    assert not data.writers()[0].is_ended
    assert values(data) == [1.0, 2.0]


def test_segments_of_several_writers_in_one_file(use_index: bool) -> None:
    torn = segment(FRAMES, is_ended=False)[:-100]
    torn += bytes(-len(torn) % 8)
    second = segment([encode_chunk(chunk([7.0], 0, t=[5]), 1)], LATER, len(torn))
    third = segment([encode_chunk(chunk([8.0], 1, t=[6]), 2)], LATER, len(torn) + len(second))
    data = read_recording(torn + second + third, use_index=use_index)
    assert values(data) == [1.0, 2.0, 7.0, 8.0]
    assert [writer.is_ended for writer in data.writers()] == [False, True]
    assert len(data.damage) == 1


def test_an_empty_segment_is_complete(use_index: bool) -> None:
    data = read_recording(segment([]), use_index=use_index)
    assert data.is_complete
    assert data.entity_paths() == []


def test_frames_that_are_there_twice_count_once(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "1.arrd").write_bytes(segment(FRAMES[:2]))
    (tmp_path / "deeper" / "2.arrd").write_bytes(segment(FRAMES[1:]))
    (tmp_path / "notes.txt").write_bytes(b"not looked at")
    data = read_recording(tmp_path)
    assert data.is_complete
    assert data.writers()[0].row_count == 4
    assert len(list(data.rows("b/c"))) == 2


def test_repeated_static_chunks_count_once(use_index: bool) -> None:
    static = encode_chunk(chunk([9.0], 3, "s"), 3)
    unnumbered = encode_chunk(chunk([9.0], 3, "s"), 0, REPEATED)
    alone = encode_chunk(chunk([5.0], 4, "r"), 0, REPEATED)
    first = segment([static])
    second = segment([with_flags(static, REPEATED)], HEADER, len(first))
    third = segment([unnumbered, alone, alone], LATER, len(first + second))
    data = read_recording(first + second + third, use_index=use_index)
    assert values(data, "s") == [9.0]
    assert values(data, "r") == [5.0]
    assert data.is_complete
    assert sum(frame.is_repeated for frame in data.frames()) == 1


def test_a_damaged_static_chunk_is_told_when_it_is_needed() -> None:
    place = WHOLE.index(bytes(FRAMES[2]))
    data = read_recording(WHOLE[:place] + b"\xff" + WHOLE[place + 1 :])
    assert data.damage == []
    assert values(data, "b/c") == [3.0]
    assert len(data.damage) == 1


def test_gaps_are_told_unless_their_chunks_are_elsewhere(tmp_path: Path) -> None:
    gap = encode_gap(Gap(0, 2, 3, "drop_oldest", frame_count=2), 2)
    lone = segment([gap, FRAMES[2]])
    data = read_recording(lone)
    assert [each[1:5] for each in data.gaps()] == [(0, 2, 3, "drop_oldest")]
    assert not data.is_complete
    (tmp_path / "1.arrd").write_bytes(lone)
    (tmp_path / "2.arrd").write_bytes(segment(FRAMES))
    data = read_recording(tmp_path)
    assert data.gaps() == []
    assert data.is_complete


def test_frames_that_are_missing_are_told(use_index: bool) -> None:
    numbered = [encode_chunk(chunk([1.0], number, t=[0]), number) for number in (1, 3, 7, 8)]
    data = read_recording(segment(numbered), use_index=use_index)
    assert data.damage[0].reason == f"frames 2, 4 to 6 of writer {'a' * 32} are missing"
    assert not data.is_complete


@pytest.mark.parametrize("hit", ["preamble", "header", "both"])
def test_the_damaged_start_of_a_second_segment_costs_no_row(tmp_path: Path, hit: str) -> None:
    data = bytearray(WHOLE + segment([encode_chunk(chunk([5.0], t=[0]), 1)], HEADER._replace(writer_id="f" * 32)))
    start = len(WHOLE)
    for place in {"preamble": [start], "header": [start + 60], "both": [start, start + 60]}[hit]:
        data[place] ^= 0x55
    (tmp_path / "damaged.arrd").write_bytes(data)
    found = read_recording(tmp_path / "damaged.arrd", use_index=False)
    assert found.damage
    assert sorted(values(found)) == [1.0, 2.0, 5.0]


def test_files_that_go_while_a_folder_is_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1.arrd").write_bytes(WHOLE)
    (tmp_path / "2.arrd").write_bytes(WHOLE)

    def open_the_first(path: str) -> reading.Source:
        (tmp_path / "2.arrd").unlink(missing_ok=True)
        return open_path(path)

    open_path = reading.open_path
    monkeypatch.setattr(reading, "open_path", open_the_first)
    assert values(read_recording(tmp_path)) == [1.0, 2.0]


def test_several_recordings_have_to_be_told_apart(tmp_path: Path) -> None:
    (tmp_path / "1.arrd").write_bytes(WHOLE)
    other = HEADER._replace(recording_id="other")
    (tmp_path / "2.arrd").write_bytes(segment([encode_chunk(chunk([5.0], t=[0]), 1)], other))
    with pytest.raises(UsageError, match=r"holds 2 recordings, .*'rec' of 'app', begun .* UTC; 'other' of"):
        read_recording(tmp_path)
    assert values(read_recording(tmp_path, recording_id="rec")) == [1.0, 2.0]
    assert values(read_recording(tmp_path, recording_id="other")) == [5.0]
    with pytest.raises(UsageError, match="no recording 'third'"):
        read_recording(tmp_path, recording_id="third")


def test_a_file_that_is_none_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "1.arrd").write_bytes(WHOLE)
    (tmp_path / "2.arrd").write_bytes(b"something else")
    data = read_recording(tmp_path)
    assert values(data) == [1.0, 2.0]
    assert data.damage[0].source.endswith("2.arrd")
    assert not data.is_complete


def test_what_follows_a_damaged_header_is_of_an_unknown_writer() -> None:
    first = segment(FRAMES[:1])
    second = segment([encode_chunk(chunk([7.0], 0, t=[5]), 1)], LATER, len(first))
    place = len(first) + 16 + 50
    data = read_recording(
        first + second[: place - len(first)] + b"\xff" + second[place - len(first) + 1 :], use_index=False
    )
    assert sorted(values(data)) == [1.0, 2.0, 7.0]
    assert len(data.writers()) == 2
    assert data.recording_id == "rec"


def test_whole_frames_of_senseless_content_are_damage() -> None:
    bad = seal(KIND_CHUNK, 2, {"p": 5}, flags=CRITICAL)
    data = read_recording(segment([FRAMES[0]], is_ended=False) + bytes(bad))
    assert values(data) == [1.0, 2.0]
    assert data.damage[0].length == bad.nbytes
    assert read_recording(PREAMBLE + bytes(encode_header(HEADER)) * 2).recording_id == "rec"
    with pytest.raises(CorruptError):
        read_recording(bytes(seal(KIND_HEADER, 0, {})))


def test_a_missing_extra_is_named_with_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    data = read_recording(WHOLE)
    for package in ("pyarrow", "pandas", "polars"):
        monkeypatch.setitem(sys.modules, package, None)
    for convert, package in ((data.to_arrow, "pyarrow"), (data.to_pandas, "pandas"), (data.to_polars, "polars")):
        with pytest.raises(MissingExtraError, match=rf"{package} is not installed: pip install 'asyncrr\["):
            convert()
