"""Warnings, forwarded to the active recording and shown as before."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from bridges import rows_of

import asyncrr as rr
from asyncrr.integrations.warnings import WarningsCapture


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was shown as before, with every warning let through."""
    seen: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda message, *_: seen.append(str(message)))
        yield seen


def test_a_warning_is_logged_and_shown(recording: rr.RecordingStream, shown: list[str]) -> None:
    memory = recording.memory_recording()
    with recording, WarningsCapture():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    ((path, (row,)),) = rows_of(memory).items()
    assert path == "warnings/DeprecationWarning"
    assert (row["TextLog:text"], row["TextLog:level"]) == (["DeprecationWarning: old"], ["WARN"])
    assert row["filename"] == [__file__]
    assert "old" in Path(__file__).read_text().splitlines()[row["lineno"][0] - 1]  # type: ignore[index]
    assert shown == ["old"]


def test_it_may_be_installed_and_removed_again_and_again(recording: rr.RecordingStream, shown: list[str]) -> None:
    memory = recording.memory_recording()
    capture = WarningsCapture(None)
    before = warnings.showwarning
    with recording:
        for number in range(3):
            capture.install()
            capture.install()
            warnings.warn(f"in {number}", stacklevel=1)
            capture.remove()
            capture.remove()
            assert warnings.showwarning is before
            warnings.warn(f"out {number}", stacklevel=1)
    texts = [row["TextLog:text"] for row in rows_of(memory)["UserWarning"]]
    assert texts == [[f"UserWarning: in {number}"] for number in range(3)]
    assert shown == [f"{place} {number}" for number in range(3) for place in ("in", "out")]


def test_one_that_is_not_the_topmost_any_more_passes_on(recording: rr.RecordingStream, shown: list[str]) -> None:
    memory = recording.memory_recording()
    first, second = WarningsCapture("first"), WarningsCapture("second", is_shown=True)
    with recording:
        first.install()
        second.install()
        first.remove()
        warnings.warn("x", stacklevel=1)
        second.remove()
    assert list(rows_of(memory)) == ["second/UserWarning"]
    assert shown == ["x"]


def test_it_need_not_be_shown(recording: rr.RecordingStream, shown: list[str]) -> None:
    memory = recording.memory_recording()
    with recording, WarningsCapture(is_shown=False):
        warnings.warn("x", stacklevel=1)
    assert len(rows_of(memory)) == 1
    assert shown == []


def test_our_own_warnings_are_left_out_but_shown(recording: rr.RecordingStream, shown: list[str]) -> None:
    memory = recording.memory_recording()
    with recording, WarningsCapture(is_shown=False):
        warnings.warn("rows are dropped", rr.RecordingWarning, stacklevel=1)
    assert memory.num_msgs() == 0
    assert shown == ["rows are dropped"]


def test_without_a_recording_warnings_are_only_shown(shown: list[str]) -> None:
    with WarningsCapture():
        warnings.warn("x", stacklevel=1)
    assert shown == ["x"]
