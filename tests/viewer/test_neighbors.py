"""The next and the previous time at which something was logged, however rows lie in chunks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import asyncrr as rr
from asyncrr.viewer.neighbors import neighbor
from asyncrr.wire.limits import MAX_INT64, MIN_INT64

from .test_samples import Recorded, answers_on

TIMES = st.one_of(st.integers(-20, 20), st.sampled_from([MIN_INT64, MAX_INT64]))
CHUNKS = st.lists(st.tuples(st.sampled_from(["a", "a/b", "c"]), st.lists(TIMES, min_size=1, max_size=6)), max_size=8)


@settings(max_examples=60)
@given(CHUNKS, st.lists(TIMES, min_size=1, max_size=20))
def test_they_are_the_nearest_of_all_times(chunks: list[tuple[str, list[int]]], places: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.arrd")
        rec = rr.new_recording("neighbors")
        rec.save(path)
        for entity, times in chunks:
            column = rr.TimeColumn("step", sequence=times)
            rec.send_columns(entity, [column], rr.Scalars.columns(scalars=[1.0] * len(times)))
            rec.flush()
        rec.close()
        recording = answers_on(path).recording
        known = {time for _, times in chunks for time in times}
        for place in {*places, *known}:
            later = min((time for time in known if time > place), default=None)
            earlier = max((time for time in known if time < place), default=None)
            assert neighbor(recording, "step", place, is_next=True) == later
            assert neighbor(recording, "step", place, is_next=False) == earlier


def test_only_chunks_with_rows_on_both_sides_are_loaded(recorded: Recorded) -> None:
    def fill(rec: rr.RecordingStream) -> None:
        for step in range(100):
            rec.log("value", rr.Scalars(step), time={"step": step})
            if step % 10 == 9:
                rec.flush()

    recording = answers_on(recorded(fill)).recording
    loaded: list[int] = []
    load_each = recording.load_each
    recording.load_each = lambda frames: (loaded.extend(one.place for one in frames), load_each(frames))[1]  # type: ignore[method-assign, func-returns-value]
    assert neighbor(recording, "step", 34, is_next=True) == 35
    assert neighbor(recording, "step", 34, is_next=False) == 33
    assert loaded == [3, 3]
    assert neighbor(recording, "step", 39, is_next=True) == 40
    assert neighbor(recording, "step", 40, is_next=False) == 39
    assert loaded == [3, 3]


def test_there_may_be_none(recorded: Recorded) -> None:
    def fill(rec: rr.RecordingStream) -> None:
        rec.log("value", rr.Scalars(1), time={"step": 5})
        rec.log("fixed", rr.TextDocument("always"), static=True)

    answers = answers_on(recorded(fill))
    assert answers.neighbor("step", 4, is_next=True) == "5"
    assert answers.neighbor("step", 5, is_next=True) is None
    assert answers.neighbor("step", 5, is_next=False) is None
    assert answers.neighbor("unknown", 5, is_next=True) is None


@pytest.mark.parametrize("is_next", [True, False])
def test_what_cannot_be_read_is_passed_over(recorded: Recorded, is_next: bool) -> None:
    def fill(rec: rr.RecordingStream) -> None:
        rec.send_columns("value", [rr.TimeColumn("step", sequence=[1, 9])], rr.Scalars.columns(scalars=[1.0, 2.0]))

    path = recorded(fill)
    recording = answers_on(path).recording
    os.remove(path)
    assert neighbor(recording, "step", 5, is_next=is_next) is None
