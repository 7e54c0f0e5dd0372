"""The samples of a stream of video that lead up to a time, however its rows lie in chunks and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.viewer.answers import Answers
from asyncrr.wire import KIND_CHUNK, RawFrame, decode_chunk, read_frames

Recorded = Callable[[Callable[[rr.RecordingStream], object]], Path]


def answers_on(*paths: Path) -> Answers:
    answers = Answers()
    answers.recording.refresh([(str(path), path.stat().st_size) for path in paths])
    return answers


def sample(number: int, size: int = 100) -> rr.VideoStream:
    return rr.VideoStream(codec=rr.VideoCodec.H264, sample=bytes([number]) * size)


def told(answers: Answers, low: int | None, high: int, most_bytes: int = 2**20) -> tuple[list[tuple[int, int]], bool]:
    """Time and first byte of each sample, in the answer's order."""
    data, is_cut = answers.samples("camera", "step", low, high, most_bytes)
    found = []
    for frame in read_frames(data):
        if isinstance(frame, RawFrame) and frame.kind == KIND_CHUNK:
            chunk = decode_chunk(frame)
            assert set(chunk.columns) == {"VideoStream:sample"}
            for row, time in enumerate(chunk.timelines["step"][1].tolist()):
                found.append((time, int(np.ravel(chunk.columns["VideoStream:sample"].batch(row)[0])[0])))
    return found, is_cut


def in_pieces(steps: Iterable[int], each: int) -> Callable[[rr.RecordingStream], None]:
    """Rows at these steps, so many in a chunk."""

    def fill(rec: rr.RecordingStream) -> None:
        for number, step in enumerate(steps):
            rec.log("camera", sample(step), time={"step": step})
            rec.log("other", rr.Scalars(step), time={"step": step})
            if number % each == each - 1:
                rec.flush()

    return fill


@pytest.mark.parametrize("each", [1, 7, 100])
def test_a_range_has_its_samples_in_order(recorded: Recorded, each: int) -> None:
    order = [*range(0, 60, 2), *range(1, 60, 2)]
    answers = answers_on(recorded(in_pieces(order, each)))
    assert told(answers, None, 100) == ([(step, step) for step in range(60)], False)
    assert told(answers, 20, 31) == ([(step, step) for step in range(20, 32)], False)
    assert told(answers, None, -1) == ([], False)


def test_of_more_than_fits_the_last_are_given_and_no_more_chunks_are_read_than_needed(recorded: Recorded) -> None:
    answers = answers_on(recorded(in_pieces(range(100), 5)))
    read: list[int] = []
    load = answers.recording.load
    answers.recording.load = lambda stored: (read.append(stored.place), load(stored))[1]  # type: ignore[method-assign]
    assert told(answers, None, 87, 1000) == ([(step, step) for step in range(78, 88)], True)
    assert len(read) <= 5
    assert told(answers, 80, 87, 800) == ([(step, step) for step in range(80, 88)], False)
    assert told(answers, None, 50, 1) == ([(50, 50)], True)


def test_rows_of_one_time_keep_the_order_of_their_calls(recorded: Recorded) -> None:
    def fill(rec: rr.RecordingStream) -> None:
        for number in range(6):
            rec.log("camera", sample(number), time={"step": number // 3})

    assert told(answers_on(recorded(fill)), None, 9)[0] == [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (1, 5)]


def test_what_is_no_stream_or_not_on_the_timeline_has_none(recorded: Recorded) -> None:
    answers = answers_on(recorded(in_pieces(range(3), 1)))
    assert answers.samples("other", "step", None, 9, 1000) == (b"", False)
    assert answers.samples("nothing", "step", None, 9, 1000) == (b"", False)
    assert answers.samples("camera", "none", None, 9, 1000) == (b"", False)


def test_what_a_page_has_is_not_sent_again_while_it_holds(recorded: Recorded) -> None:
    def fill(rec: rr.RecordingStream) -> None:
        rec.log("clip", rr.AssetVideo(contents=bytes(100_000), media_type="video/mp4"), static=True)
        for step in range(3):
            rec.log("clip", rr.VideoFrameReference(nanoseconds=step), time={"step": step})
        rec.log("clip", rr.AnyValues(large=np.zeros(20_000), small=1), time={"step": 1})

    answers = answers_on(recorded(fill))
    found = answers.recording.latest("step", 2, ["clip"])
    rows = {
        id_: (cell.source.writer_id, int(cell.source.chunk.row_numbers[cell.row])) for (_, id_), cell in found.items()
    }

    def ids(kept: Iterable[tuple[str, int]]) -> set[str]:
        data = answers.latest("step", 2, ["clip"], set(kept))
        frames = [each for each in read_frames(data) if isinstance(each, RawFrame) and each.kind == KIND_CHUNK]
        chunks = [decode_chunk(each) for each in frames]
        assert {int(chunk.row_numbers[0]) for chunk in chunks} == {number for _, number in rows.values()}
        return {id_ for chunk in chunks for id_ in chunk.columns}

    assert ids([]) == set(rows)
    assert ids([rows["AssetVideo:blob"]]) == set(rows) - {"AssetVideo:blob"}
    assert ids(rows.values()) == set(rows) - {"AssetVideo:blob", "large"}
    assert ids([("f" * 32, number) for _, number in rows.values()]) == set(rows)
