"""The golden files: every byte of the format, and what becomes of them when they are cut, flipped or fed in pieces."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from asyncrr.errors import FormatError
from asyncrr.reading import RecordingData, read_recording
from asyncrr.wire import KIND_CHUNK, ZSTD, Damage, FrameReader, RawFrame

VECTORS = Path(__file__).parent.parent / "vectors"
FILES = ["scalars.arrd", "kinds.arrd", "shared.arrd", "torn.arrd", "compressed.arrd"]


def maker() -> Any:
    spec = importlib.util.spec_from_file_location("make_golden", VECTORS / "make_golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def events(data: bytes, size: int) -> list[Any]:
    """What a reader finds, fed in pieces of a size."""
    reader = FrameReader()
    found: list[Any] = []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size])
    found += reader.close()
    return [(each.offset, each.header, bytes(each.data)) if isinstance(each, RawFrame) else each for each in found]


def row_keys(recording: RecordingData) -> set[tuple[Any, ...]]:
    return {
        (path, row.row_id.number, repr(row.times), repr(row.components))
        for path in recording.entity_paths()
        for row in recording.rows(path)
    }


def test_the_golden_files_are_what_is_written_today() -> None:
    made = maker()
    for name, data in made.golden().items():
        stored = (VECTORS / name).read_bytes()
        if name == made.COMPRESSED:
            frames = [each for each in FrameReader().feed(stored) if isinstance(each, RawFrame)]
            assert [each.header.flags & ZSTD for each in frames if each.kind == KIND_CHUNK] == [ZSTD] * 3
            assert made.content(stored) == made.content(data)
        else:
            assert stored == data, name


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("use_index", [True, False])
def test_the_golden_files_hold_what_they_say(name: str, use_index: bool) -> None:
    data = (VECTORS / name).read_bytes()
    told = json.loads((VECTORS / "golden.json").read_bytes())[name]
    recording = read_recording(data, use_index=use_index)
    assert recording.is_complete == told["is_complete"]
    assert recording.timelines() == told["timelines"]
    assert sum(1 for path in recording.entity_paths() for _ in recording.rows(path)) == len(told["rows"])


@pytest.mark.parametrize("name", FILES)
def test_pieces_make_no_difference(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    whole = events(data, len(data))
    for size in (1, 7, 40, 333):
        assert events(data, size) == whole


@pytest.mark.parametrize("name", FILES)
def test_every_prefix_can_be_read_up_to_its_last_whole_frame(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    whole = [each for each in events(data, len(data)) if not isinstance(each, Damage)]
    for length in range(len(data)):
        found = events(data[:length], length or 1)
        kept = [each for each in found if not isinstance(each, Damage)]
        assert kept == whole[: len(kept)]
        ends = [each[0] + len(each[2]) for each in whole if isinstance(each, tuple) and len(each) == 3]
        assert sum(end <= length for end in ends) == sum(len(each) == 3 for each in kept)


@pytest.mark.parametrize("name", FILES)
def test_no_flipped_byte_crashes_or_costs_more_than_its_frame(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    whole = row_keys(read_recording(data, use_index=False))
    frames = [each for each in events(data, len(data)) if len(each) == 3 and not isinstance(each, Damage)]
    has_index = name == "scalars.arrd"
    for place in range(0, len(data), 7 if name in ("kinds.arrd", "compressed.arrd") else 1):
        flipped = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        hit = next((each for each in frames if each[0] <= place < each[0] + len(each[2])), None)
        for use_index in (True, False) if has_index else (False,):
            try:
                recording = read_recording(flipped, use_index=use_index)
                found = row_keys(recording)
            except FormatError:
                assert place < 16
                continue
            assert found <= whole
            lost = 0
            if hit is not None and hit[1].kind == 2:
                lost = max(each.row_count for each in chunk_rows(hit[2]))
            assert len(found) == len(whole) - lost
            if not use_index and hit is not None:
                assert recording.damage


def chunk_rows(data: bytes) -> list[Any]:
    from asyncrr.wire import parse_frame, summary_of

    return [summary_of(parse_frame(data))]


@pytest.mark.parametrize("name", FILES)
def test_the_same_events_come_from_pieces_of_damaged_files(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    for place in range(0, len(data), 13):
        flipped = data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
        assert events(flipped, len(data)) == events(flipped, 17)
