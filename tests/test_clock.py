"""Setting the time of what is logged next."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.scope import active_time_point


def times_after(*acts: Callable[[], object]) -> dict[str, tuple[str, int]]:
    """The timelines after some calls, in a context of their own."""

    def run() -> dict[str, tuple[str, int]]:
        for act in acts:
            act()
        schema, *values = active_time_point()
        return {name: (kind, value) for name, kind, value in zip(schema.names, schema.kinds, values, strict=True)}

    return contextvars.Context().run(run)


@pytest.mark.parametrize(
    ("given", "kind", "value"),
    [
        ({"sequence": 7}, "sequence", 7),
        ({"sequence": np.int32(7)}, "sequence", 7),
        ({"sequence": -(2**63)}, "sequence", -(2**63)),
        ({"duration": 1.5}, "duration", 1_500_000_000),
        ({"duration": dt.timedelta(seconds=2)}, "duration", 2_000_000_000),
        ({"timestamp": 10}, "timestamp", 10_000_000_000),
        ({"timestamp": dt.datetime(1970, 1, 1, 0, 0, 1)}, "timestamp", 1_000_000_000),
        ({"timestamp": np.datetime64(5, "ns")}, "timestamp", 5),
    ],
)
def test_each_kind_of_time(given: dict[str, Any], kind: str, value: int) -> None:
    assert times_after(lambda: rr.set_time("t", **given)) == {"t": (kind, value)}


def test_setting_again_replaces_and_other_timelines_stay() -> None:
    assert times_after(
        lambda: rr.set_time("a", sequence=1),
        lambda: rr.set_time("b", sequence=2),
        lambda: rr.set_time("a", sequence=3),
    ) == {"a": ("sequence", 3), "b": ("sequence", 2)}
    assert times_after(lambda: rr.set_time("a", sequence=1), lambda: rr.set_time("a", sequence=2)) == {
        "a": ("sequence", 2)
    }
    assert times_after(lambda: rr.set_time("a", sequence=1), lambda: rr.set_time("a", duration=2)) == {
        "a": ("duration", 2_000_000_000)
    }


def test_older_spellings() -> None:
    assert times_after(
        lambda: rr.set_time_sequence("a", 1),
        lambda: rr.set_time_seconds("b", 1.5),
        lambda: rr.set_time_nanos("c", 3),
    ) == {"a": ("sequence", 1), "b": ("timestamp", 1_500_000_000), "c": ("timestamp", 3)}


def test_timelines_can_be_left_out_again() -> None:
    both = (lambda: rr.set_time("a", sequence=1), lambda: rr.set_time("b", sequence=2))
    assert times_after(*both, lambda: rr.disable_timeline("a")) == {"b": ("sequence", 2)}
    assert times_after(*both, lambda: rr.disable_timeline("none")) == {"a": ("sequence", 1), "b": ("sequence", 2)}
    assert times_after(*both, rr.reset_time) == {}


@pytest.mark.parametrize(
    "given", [{}, {"sequence": 1, "duration": 2}, {"duration": 1, "timestamp": 2}, {"sequence": 1, "timestamp": 2}]
)
def test_exactly_one_kind_must_be_given(given: dict[str, Any]) -> None:
    with pytest.raises(rr.UsageError, match="exactly one of"):
        rr.set_time("t", **given)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_sequence_has_64_bits(number: int) -> None:
    with pytest.raises(ValueError, match="64"):
        rr.set_time("t", sequence=number)


def test_two_tasks_keep_their_own_time() -> None:
    recording = rr.new_recording("clock", recording_id="clock")
    memory = recording.memory_recording()

    async def count(path: str, first: int) -> None:
        for number in range(first, first + 5):
            rr.set_time("n", sequence=number)
            await asyncio.sleep(0)
            await recording.log(path, float(number))

    async def main() -> None:
        await asyncio.gather(count("a", 0), count("b", 100))

    asyncio.run(main())
    data = rr.read_recording(memory.drain_as_bytes() if memory.num_msgs() else b"")
    for path in ("a", "b"):
        column = data.column(path, "Scalars:scalars", timeline="n")
        assert column.times.tolist() == column.values[:, 0].tolist()


def test_a_view_and_a_bound_entity_log_at_their_own_time() -> None:
    recording = rr.new_recording("clock", recording_id="view")
    memory = recording.memory_recording()
    recording.at(step=7, t=dt.timedelta(seconds=1)).log("x", 1.0)
    bound = recording.entity("y", rr.Scalars)
    bound(1.0, step=1)
    bound(2.0, step=2)
    bound(3.0, step=3, epoch=1)
    bound(4, step=np.int64(4))
    recording.entity("z", rr.TextLog)("hello", step=5)
    data = rr.read_recording(memory.drain_as_bytes() if memory.num_msgs() else b"")
    (row,) = data.rows("x")
    assert {name: row.times[name] for name in ("step", "t")} == {"step": 7, "t": 1_000_000_000}
    assert [row.times["step"] for row in data.rows("y")] == [1, 2, 3, 4]
    assert [row.times.get("epoch") for row in data.rows("y")] == [None, None, 1, None]
    (row,) = data.rows("z")
    assert row.components["TextLog:text"] == ["hello"]


def test_mappings_and_texts_come_back_whatever_they_hold() -> None:
    recording = rr.new_recording("clock", recording_id="plain rows")
    memory = recording.memory_recording()
    rows: list[dict[str, Any]] = [
        {"a": 1, "b": 1.5, "c": "x"},
        {"a": 2, "b": 2.5, "c": "ä"},
        {"a": 3, "b": 3.5, "c": "y"},
        {"a": 4},
        {"a": 5, "b": 5.5, "c": "z"},
    ]
    for row in rows:
        recording.log("m", row)
    with pytest.warns(rr.RecordingWarning, match="not logged"):
        recording.log("m", {"a": 2**70, "b": 1.5, "c": "x"})
    recording.log("m", {})
    for level in ("INFO", None, "WARN"):
        recording.log("t", rr.TextLog("text", level=level))
    recording.log("t", rr.TextLog("text", level="INFO", color=(255, 0, 0)))
    data = rr.read_recording(memory.drain_as_bytes() if memory.num_msgs() else b"")
    found = [
        {name: value[0] if isinstance(value, list) else value.tolist()[0] for name, value in row.components.items()}
        for row in data.rows("m")
    ]
    assert found == [*rows, {}]
    assert [row.components.get("TextLog:level") for row in data.rows("t")] == [["INFO"], None, ["WARN"], ["INFO"]]
    assert [
        row.components["TextLog:color"].tolist() for row in data.rows("t") if "TextLog:color" in row.components
    ] == [[0xFF0000FF]]
