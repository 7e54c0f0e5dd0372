"""An entity bound once, and a view at a fixed time."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from doubles import balances, new_recording

import asyncrr as rr


def logged(fill: Any, **more: Any) -> rr.RecordingData:
    """What a recording in memory has after `fill` logged to it."""
    recording = new_recording(**more)
    memory = recording.memory_recording()
    with recording:
        fill(recording)
    data = rr.read_recording(memory.drain_as_bytes())
    recording.close()
    return data


def rows(data: rr.RecordingData, path: str = "x") -> list[tuple[dict[str, int], list[float]]]:
    """Times but for ``log_time``, and scalars."""
    return [
        (
            {name: int(time) for name, time in row.times.items() if name != "log_time"},
            np.asarray(row.components["Scalars:scalars"]).tolist(),
        )
        for row in data.rows(path)
    ]


def test_every_way_to_give_a_scalar() -> None:
    def fill(recording: rr.RecordingStream) -> None:
        loss = recording.entity("x", rr.Scalars)
        for value in (0.5, 2, True, np.float32(0.25), np.array([1.0, 2.0]), [3.0], np.float64(4.0)):
            loss(value)

    assert [values for _, values in rows(logged(fill))] == [[0.5], [2], [1], [0.25], [1, 2], [3], [4]]


def test_keywords_are_sequence_timelines_of_this_row() -> None:
    def fill(recording: rr.RecordingStream) -> None:
        loss = recording.entity("x", rr.Scalars)
        loss(1.0, step=7)
        loss(2.0, step=8)
        loss(3.0, epoch=1, step=9)
        loss(4.0)
        loss(5.0, step=np.int64(10))
        loss(6.0, step=2**63 - 1)
        loss(7.0, step=-(2**63))

    assert rows(logged(fill)) == [
        ({"step": 7}, [1]),
        ({"step": 8}, [2]),
        ({"epoch": 1, "step": 9}, [3]),
        ({}, [4]),
        ({"step": 10}, [5]),
        ({"step": 2**63 - 1}, [6]),
        ({"step": -(2**63)}, [7]),
    ]


def test_they_stand_over_the_timelines_of_the_context() -> None:
    def fill(recording: rr.RecordingStream) -> None:
        loss = recording.entity("x", rr.Scalars)
        rr.set_time("frame", sequence=1)
        rr.set_time("step", sequence=100)
        loss(1.0)
        loss(2.0, step=7)
        loss(3.0)
        rr.reset_time()

    both = {"frame": 1, "step": 100}
    assert rows(logged(fill)) == [(both, [1]), ({"frame": 1, "step": 7}, [2]), (both, [3])]


@pytest.mark.parametrize("wrong", [2**63, -(2**63) - 1])
def test_steps_have_64_bits(wrong: int) -> None:
    loss = new_recording().entity("x", rr.Scalars)
    loss(1.0, step=1)
    with pytest.raises(ValueError, match=str(wrong)):
        loss(2.0, step=wrong)


@pytest.mark.parametrize("wrong", ["7", 1.5, None, True])
def test_steps_are_whole_numbers(wrong: Any) -> None:
    recording = new_recording()
    loss = recording.entity("x", rr.Scalars)
    loss(1.0, step=1)
    if wrong is True:  # as Python has it, that is 1
        loss(2.0, step=wrong)
        assert recording.stats().logged == 2
        return
    for name in ("step", "epoch"):
        if wrong is not None or name != "step":  # no step is what None says
            with pytest.raises((TypeError, ValueError)):
                loss(2.0, **{name: wrong})
    assert recording.stats().logged == 1


@pytest.mark.parametrize("value", [["red"], [[255, 0, 0]], 0.5, None])
def test_keywords_of_the_archetype_are_told_from_timelines(value: Any) -> None:
    recording = new_recording()
    points = recording.entity("x", rr.Points3D)
    with pytest.raises(TypeError, match=r"colors=.* is no integer: .*rec\.log\(path, rr\.Points3D\(\.\.\.\)\)"):
        points([[1, 2, 3]], colors=value)
    assert recording.stats().logged == 0


@pytest.mark.parametrize("archetype", ["Scalars", rr.TextLog("x"), None])
def test_an_entity_is_bound_to_a_class(archetype: Any) -> None:
    with pytest.raises(rr.UsageError, match=rf"{re.escape(repr(archetype))} is no archetype: .* such as rr\.Scalars"):
        new_recording().entity("x", archetype)


def test_other_archetypes_take_their_positional_arguments() -> None:
    def fill(recording: rr.RecordingStream) -> None:
        note = recording.entity(["a b", "c"], rr.TextLog)
        note("hello")
        points = recording.entity("points", rr.Points2D)
        points([[1, 2]], step=3)
        anything = recording.entity("tensor", rr.Tensor)
        anything(np.arange(3))

    data = logged(fill)
    assert sorted(data.entity_paths()) == ["a\\ b/c", "points", "tensor"]
    (row,) = data.rows("points")
    assert int(row.times["step"]) == 3
    assert np.asarray(row.components["Points2D:positions"]).tolist() == [[1, 2]]


def test_it_says_what_it_is() -> None:
    log = new_recording().entity("a/b", rr.Points2D)
    assert log.__name__ == "Points2D"
    assert "Points2D at a/b" in repr(log)


def test_bad_data_warns_at_the_callers_line_and_strict_raises() -> None:
    loss = new_recording().entity("x", rr.Scalars)
    with pytest.warns(rr.RecordingWarning, match="'x' was not logged.*number") as told:
        loss("no number")
    assert told[0].filename == __file__
    strict = new_recording(strict=True).entity("x", rr.Scalars)
    with pytest.raises(rr.DataError, match="number"):
        strict("no number")


def test_an_archetype_without_positional_arguments_is_told() -> None:
    boxes = new_recording().entity("x", rr.Boxes2D)
    with pytest.warns(rr.RecordingWarning, match="positional argument"):
        boxes([1, 2])


def test_closed_and_disabled_recordings_take_nothing() -> None:
    recording = new_recording()
    loss = recording.entity("x", rr.Scalars)
    loss(1.0)
    recording.close()
    with pytest.warns(rr.RecordingWarning, match="closed"):
        loss(2.0)
    loss(3.0)  # told once
    assert recording.stats().dropped["closed"] == 2
    assert balances(recording)
    disabled = new_recording(default_enabled=False)
    disabled.entity("x", rr.Scalars)(1.0)
    assert disabled.stats().logged == 0


def test_a_tight_loop_of_awaited_calls_gives_turns_and_loses_nothing() -> None:
    async def main() -> None:
        recording = new_recording()
        memory = recording.memory_recording()
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counter = asyncio.create_task(count())
        loss = recording.entity("x", rr.Scalars)
        for step in range(20_000):
            await loss(float(step), step=step)
        counter.cancel()
        assert turns >= 20_000 / 1024
        await recording.flush()
        column = rr.read_recording(memory.drain_as_bytes()).column("x", "Scalars:scalars", timeline="step")
        assert column.times.tolist() == list(range(20_000))
        await recording.aclose()

    asyncio.run(main())


def test_a_view_logs_at_its_own_time() -> None:
    when = datetime(2024, 1, 1, tzinfo=UTC)

    def fill(recording: rr.RecordingStream) -> None:
        rr.set_time("frame", sequence=1)
        view = recording.at(step=7, since=timedelta(seconds=2), when=when)
        view.log("x", rr.Scalars(1.0))
        recording.log("x", rr.Scalars(2.0))
        view.log("x", rr.Scalars(3.0))
        rr.reset_time()

    nanoseconds = int(when.timestamp()) * 10**9
    fixed = {"frame": 1, "since": 2 * 10**9, "step": 7, "when": nanoseconds}
    assert rows(logged(fill)) == [(fixed, [1]), ({"frame": 1}, [2]), (fixed, [3])]


def test_a_view_keeps_times_of_its_own() -> None:
    def fill(recording: rr.RecordingStream) -> None:
        recording.at(step=7).log("x", rr.Scalars(1.0), rr.AnyValues(note="a"))
        with pytest.raises(rr.DataError):
            recording.at(step=8).log("x", object(), strict=True)

    data = logged(fill)
    assert rows(data) == [({"step": 7}, [1])]
    (row,) = data.rows("x")
    assert row.components["note"] == ["a"]
