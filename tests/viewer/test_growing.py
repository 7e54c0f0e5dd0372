"""The viewer's server side: history and what comes after it, once each; latest-at, series, texts, density."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.cli.app import FINE, run
from asyncrr.reading import RecordingData, read_recording
from asyncrr.viewer.answers import Answers
from asyncrr.viewer.growing import GrowingRecording
from asyncrr.viewer.series import decimated
from asyncrr.wire import KIND_CHUNK, KIND_TRAILER, ZSTD, RawFrame, decode_chunk, encode_chunk, read_frames
from asyncrr.wire.framing import PREAMBLE_BYTES

Recorded = Callable[[Callable[[rr.RecordingStream], object]], Path]


def fill(rec: rr.RecordingStream) -> None:
    for step in range(50):
        rec.log("a/value", rr.Scalars([step, -step]), time={"step": step})
        rec.log("logs", rr.TextLog(f"line {step}", level="INFO"), time={"step": step})
        if step % 10 == 0:
            rec.log("a/picture", rr.Image(np.full((4, 6, 3), step, np.uint8)), time={"step": step})
    rec.log("a", rr.Clear(recursive=True), time={"step": 45})
    rec.log("fixed", rr.TextDocument("always"), static=True)


def whole(path: Path) -> Answers:
    answers = Answers()
    answers.recording.refresh([(str(path), path.stat().st_size)])
    return answers


def chunks_of(data: bytes) -> Iterable[RawFrame]:
    return [each for each in read_frames(data) if isinstance(each, RawFrame) and each.kind == KIND_CHUNK]


def test_every_chunk_is_found_once_however_the_file_grows(recorded: Recorded) -> None:
    path = recorded(fill)
    growing = GrowingRecording()
    size = path.stat().st_size
    for end in [*range(0, size, 997), size, size]:
        growing.refresh([(str(path), end)])
    expected = whole(path).recording
    numbers = [(each.offset, each.summary) for each in growing.frames]
    assert numbers == [(each.offset, each.summary) for each in expected.frames]
    assert len({each.sequence for each in growing.frames}) == len(growing.frames)
    assert growing.damage == []


def test_a_segment_that_repeats_frames_adds_none(recorded: Recorded, tmp_path: Path) -> None:
    path = recorded(fill)
    copy = tmp_path / "copy.arrd"
    copy.write_bytes(path.read_bytes())
    growing = GrowingRecording()
    growing.refresh([(str(path), path.stat().st_size)])
    before = len(growing.frames)
    assert not growing.refresh([(str(path), path.stat().st_size), (str(copy), copy.stat().st_size)])
    assert len(growing.frames) == before


@pytest.mark.parametrize("at", [-1, 0, 9, 10, 44, 45, 46, 100])
def test_latest_at_is_that_of_a_recording_that_was_read(recorded: Recorded, at: int) -> None:
    path = recorded(fill)
    data: RecordingData = read_recording(path)
    expected = data.latest_at("step", at)
    found: dict[str, set[str]] = {}
    for frame in chunks_of(whole(path).latest("step", at, data.entity_paths())):
        chunk = decode_chunk(frame)
        for id_, column in chunk.columns.items():
            found.setdefault(chunk.entity_path, set()).add(id_)
            held = expected[chunk.entity_path][id_]
            assert repr(column.batch(0)) == repr(held)
    assert found == {path: set(components) for path, components in expected.items()}


def test_a_clear_above_counts_though_it_was_not_asked_for(recorded: Recorded) -> None:
    answers = whole(recorded(fill))
    assert chunks_of(answers.latest("step", 44, ["a/value"]))
    assert not chunks_of(answers.latest("step", 45, ["a/value"]))


def test_series_grow_and_keep_extremes(recorded: Recorded) -> None:
    path = recorded(fill)
    answers = Answers()
    for end in range(0, path.stat().st_size + 500, 500):
        answers.recording.refresh([(str(path), end)])
        answers.series("a/value", "Scalars:scalars", "step", None, None, 1000)
    found = answers.series("a/value", "Scalars:scalars", "step", None, None, 1000)
    assert found["total"] == 50
    for line, sign in zip(found["series"], (1, -1), strict=True):
        assert np.frombuffer(line["x"]).tolist() == list(range(50))
        assert np.frombuffer(line["y"]).tolist() == [sign * step for step in range(50)]


def test_rows_of_different_lengths_become_lines_with_holes(recorded: Recorded) -> None:
    rows = {3: [30.0], 1: [10.0, 11.0, 12.0], 2: [], 0: [0.0, 1.0]}

    def fill_uneven(rec: rr.RecordingStream) -> None:
        for step, values in rows.items():
            rec.log("value", rr.Scalars(values), time={"step": step})
            rec.flush()

    path = recorded(fill_uneven)
    growing = Answers()
    for end in range(0, path.stat().st_size + 97, 97):  # told of while it comes
        growing.recording.refresh([(str(path), min(end, path.stat().st_size))])
        growing.series("value", "Scalars:scalars", "step", None, None, 100)
    for answers in (growing, whole(path)):
        found = answers.series("value", "Scalars:scalars", "step", None, None, 100)
        lines = [np.frombuffer(line["y"]).tolist() for line in found["series"]]
        nan = float("nan")
        assert np.array_equal(lines, [[0, 10, nan, 30], [1, 11, nan, nan], [nan, 12, nan, nan]], equal_nan=True)


def test_ten_million_points_are_read_once_and_told_as_few(recorded: Recorded) -> None:
    count, at_once = 10_000_000, 500_000
    values = np.sin(np.arange(count) / 1e6)
    values[1_234_567] = 9

    def fill_many(rec: rr.RecordingStream) -> None:
        for first in range(0, count, at_once):
            times = rr.TimeColumn("step", sequence=np.arange(first, first + at_once))
            rec.send_columns("signal", [times], rr.Scalars.columns(scalars=values[first : first + at_once]))

    path = recorded(fill_many)
    begin = time.process_time()
    answers = whole(path)
    found = answers.series("signal", "Scalars:scalars", "step", None, None, 2000)
    assert time.process_time() - begin < 5, "a second on an idle machine, most of it for memory that is new"
    line = np.frombuffer(found["series"][0]["y"])
    assert found["total"] == count
    assert len(line) <= 2100
    assert line.max() == 9
    assert answers.recording._cached_bytes < 2**20, "its chunks are not kept beside it"
    path.unlink()
    zoomed = answers.series("signal", "Scalars:scalars", "step", 1_234_000, 1_235_000, 2000)
    assert len(np.frombuffer(zoomed["series"][0]["y"])) == 1003, "no file is needed any more"


def test_decimation_loses_no_extreme() -> None:
    values = np.random.default_rng(1).normal(size=100_000)
    values[[17, 54_321, 99_998]] = 50, -70, 60
    values[1000:1100] = np.nan
    times = np.arange(100_000) * 3
    found, numbers = decimated(times, values, 0, 300_000, 1000)
    assert len(found) <= 1100
    assert {50, -70, 60} <= set(numbers.tolist())
    assert (np.diff(found) > 0).all()
    assert (found[0], found[-1]) == (0, 299_997)


def test_decimation_of_a_part_reaches_its_borders() -> None:
    times = np.arange(0, 1000, 10)
    found, _ = decimated(times, times.astype(float), 105, 195, 1000)
    assert found.tolist() == [100, *range(110, 200, 10), 200]


def test_texts_come_once_through_a_cursor(recorded: Recorded) -> None:
    path = recorded(fill)
    answers = Answers()
    texts: list[str] = []
    cursor: int | None = None
    for end in [*range(0, path.stat().st_size, 1500), path.stat().st_size]:
        answers.recording.refresh([(str(path), end)])
        data, cursor, skipped = answers.texts(cursor, 1000)
        assert skipped == 0
        for frame in chunks_of(data):
            chunk = decode_chunk(frame)
            texts += [text for row in range(len(chunk)) for text in chunk.columns["TextLog:text"].batch(row)]
    assert texts == [f"line {step}" for step in range(50)]


def test_a_viewer_that_is_behind_gets_the_last_texts_and_how_many_it_misses(recorded: Recorded) -> None:
    def burst(rec: rr.RecordingStream) -> None:
        for step in range(40):
            rec.log("logs", rr.TextLog(f"line {step}"), time={"step": step})
            rec.flush()  # a chunk each

    answers = whole(recorded(burst))
    _, begin, skipped = answers.texts(None, 1000)
    assert (begin, skipped) == (40, 0)
    data, cursor, skipped = answers.texts(3, 10)
    texts = [decode_chunk(frame).columns["TextLog:text"].batch(0)[0] for frame in chunks_of(data)]
    assert texts == [f"line {step}" for step in range(30, 40)]
    assert (cursor, skipped) == (40, 27)


@pytest.mark.parametrize("how", [["--by", "entity"], ["--timeline", "step", "--at", "7", "--at", "20"]])
def test_parts_that_a_tool_has_cut_are_found_together(how: list[str], recorded: Recorded, tmp_path: Path) -> None:
    def rows(recording: GrowingRecording) -> dict[str, int]:
        found: dict[str, int] = {}
        for each in recording.frames:
            found[each.summary.entity_path] = found.get(each.summary.entity_path, 0) + each.summary.row_count
        return found

    path = recorded(fill)
    assert run(["split", str(path), "-o", str(tmp_path / "parts"), *how]) == FINE
    growing = GrowingRecording()
    growing.refresh([(str(part), part.stat().st_size) for part in sorted((tmp_path / "parts").iterdir())])
    assert rows(growing) == rows(whole(path).recording)


def test_a_cleared_entity_breaks_its_lines(recorded: Recorded) -> None:
    def fill_and_clear(rec: rr.RecordingStream) -> None:
        for step in range(10):
            rec.log("a/b/value", rr.Scalars(step), time={"step": step})
        rec.log("a/b/value", rr.Clear(recursive=False), time={"step": 3})
        rec.log("a", rr.Clear(recursive=True), time={"step": 5})
        rec.log("a/b", rr.Clear(recursive=False), time={"step": 7})  # that is not its own
        rec.log("other", rr.Clear(recursive=True), time={"step": 8})
        rec.log("a/b/value", rr.Clear(recursive=False), time={"step": 100})  # behind its last number

    found = whole(recorded(fill_and_clear)).series("a/b/value", "Scalars:scalars", "step", None, None, 1000)
    assert np.frombuffer(found["breaks"]).tolist() == [3, 5, 100]


def test_compressed_texts_are_given_as_browsers_read_them(tmp_path: Path) -> None:
    path = tmp_path / "compressed.arrd"
    rec = rr.new_recording("tests", recording_id="compressed")
    memory = rec.memory_recording()
    for step in range(500):
        rec.log("logs", rr.TextLog(f"line {step}"), time={"step": step})
    rec.close()
    plain = memory.drain_as_bytes()
    frames = [each for each in read_frames(plain) if isinstance(each, RawFrame)]
    parts = [plain[:PREAMBLE_BYTES]]
    for frame in frames:
        if frame.kind == KIND_CHUNK:
            parts.append(bytes(encode_chunk(decode_chunk(frame), frame.sequence, zstd_level=3)))
        elif frame.kind != KIND_TRAILER:
            parts.append(bytes(frame.data))
    path.write_bytes(b"".join(parts))
    assert any(frame.flags & ZSTD for frame in chunks_of(path.read_bytes()))
    data, _, _ = whole(path).texts(None, 1000)
    chunks = list(chunks_of(data))
    assert sum(len(decode_chunk(frame)) for frame in chunks) == 500
    assert not any(frame.flags & ZSTD for frame in chunks)


def test_the_tree_tells_types_and_ranges(recorded: Recorded) -> None:
    tree = whole(recorded(fill)).tree()
    assert tree["timelines"]["step"] == {"kind": "sequence", "min": "0", "max": "49"}
    assert tree["entities"]["a/value"]["rows"] == 50
    assert tree["entities"]["a/value"]["components"]["Scalars:scalars"]["type"] == "rerun.components.Scalar"
    assert tree["entities"]["fixed"]["components"]["TextDocument:text"]["static"] is True


def test_density_counts_all_rows(recorded: Recorded) -> None:
    found = whole(recorded(fill)).density("step", 0, 49, 10)
    assert sum(found["a/value"]) == pytest.approx(50, abs=1)
    assert sum(found["a/picture"]) == pytest.approx(5, abs=0.1)


def test_a_file_that_is_gone_is_told_and_nothing_more(recorded: Recorded) -> None:
    path = recorded(fill)
    answers = whole(path)
    path.unlink()
    assert not chunks_of(answers.latest("step", 10, ["a/value"]))
    assert answers.recording.damage


def test_names_that_are_made_up_are_not_remembered(recorded: Recorded) -> None:
    answers = whole(recorded(fill))
    known = answers.series("a/value", "Scalars:scalars", "step", None, None, 100)
    assert known["total"] == 50
    before = len(answers._series)
    for number in range(100):
        for name in (
            (f"made-up-{number}", "Scalars:scalars", "step"),
            ("a/value", f"made-up-{number}", "step"),
            ("a/value", "Scalars:scalars", f"made-up-{number}"),
        ):
            assert answers.series(*name, None, None, 100)["total"] == 0
    assert len(answers._series) == before


def test_of_many_series_the_ones_asked_for_last_are_kept(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    def many(rec: rr.RecordingStream) -> None:
        for number in range(20):
            rec.log(f"value/{number}", rr.Scalars(number), time={"step": number})

    monkeypatch.setattr("asyncrr.viewer.answers._MAX_SERIES", 5)
    answers = whole(recorded(many))
    for number in range(20):
        assert answers.series(f"value/{number}", "Scalars:scalars", "step", None, None, 100)["total"] == 1
    assert [entity for entity, _, _ in answers._series] == [f"value/{number}" for number in range(15, 20)]


def test_damage_that_is_met_again_is_told_once(recorded: Recorded) -> None:
    path = recorded(fill)
    answers = whole(path)
    path.unlink()
    for _ in range(3):
        answers.latest("step", 30, ["a/value"])
    assert len({each[:2] for each in answers.recording.damage}) == len(answers.recording.damage) > 0
