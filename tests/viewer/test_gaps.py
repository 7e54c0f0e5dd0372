"""Where rows are missing on a timeline."""

from __future__ import annotations

from pathlib import Path

import pytest

import asyncrr as rr
from asyncrr.viewer.answers import Answers
from asyncrr.viewer.gaps import gap_spans


def overrun(path: Path) -> rr.RecordingStream:
    """A recording whose queue was too small for its middle: rows 0..9 and the last ones are in the file."""
    rec = rr.new_recording("tests", recording_id="overrun", max_queue_bytes=4096, on_full="drop_oldest")
    rec.save(path)
    for step in range(10):
        rec.log("value", rr.Scalars(step), time={"step": step})
    rec.flush()
    return rec


@pytest.mark.filterwarnings("ignore::asyncrr.RecordingWarning")
def test_a_gap_lies_between_the_rows_around_it(tmp_path: Path) -> None:
    path = tmp_path / "overrun.arrd"
    rec = overrun(path)
    rec.log("value", rr.Tensor([0.0] * 100_000), time={"step": 10})  # larger than the whole queue
    rec.flush()
    for step in range(20, 25):
        rec.log("value", rr.Scalars(step), time={"step": step})
    rec.close()
    answers = Answers()
    answers.recording.refresh([(str(path), path.stat().st_size)])
    dropped = sum(rec.stats().dropped.values())
    found = gap_spans(answers.recording, "step")
    assert dropped == 1
    assert [(each["from"], each["to"], each["rows"]) for each in found] == [("9", "20", 1)]
    assert gap_spans(answers.recording, "no such timeline") == []
    assert answers.tree()["gaps"][0]["rows"] == 1


def test_without_gaps_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "whole.arrd"
    overrun(path).close()
    answers = Answers()
    answers.recording.refresh([(str(path), path.stat().st_size)])
    assert gap_spans(answers.recording, "step") == []
