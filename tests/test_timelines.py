"""Time points, and the conversion of times."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncrr.errors import DataError, UsageError
from asyncrr.timelines import (
    EMPTY_TIME_POINT,
    TimeColumn,
    duration_ns,
    sequence_value,
    time_point_of,
    timestamp_ns,
    with_time,
    without,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "entity_paths.json").read_text("utf-8"))
NAMES = {"np": np, "datetime": datetime, "timedelta": timedelta, "utc": UTC}


@pytest.mark.parametrize(
    ("convert", "expression", "expected"),
    [(duration_ns, *case) for case in VECTORS["time_duration_to_nanos"]]
    + [(timestamp_ns, *case) for case in VECTORS["time_timestamp_to_nanos"]],
)
def test_vectors(convert: Any, expression: str, expected: Any) -> None:
    value = eval(expression, dict(NAMES))
    if isinstance(expected, int):
        assert convert(value) == expected
        assert type(convert(value)) is int
    else:
        with pytest.raises(TypeError if expected == "TypeError" else ValueError):
            convert(value)


def test_sequence() -> None:
    assert sequence_value(7) == 7
    assert sequence_value(np.uint8(7)) == 7
    assert sequence_value(-(2**63)) == -(2**63)
    for wrong in (1.0, "1", None, timedelta(1)):
        with pytest.raises(TypeError, match="integer"):
            sequence_value(wrong)
    for beyond in (2**63, -(2**63) - 1):
        with pytest.raises(DataError, match="out of range"):
            sequence_value(beyond)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30, 2**62, timedelta.max, np.timedelta64("NaT", "ns")])
def test_durations_out_of_range(value: Any) -> None:
    with pytest.raises(DataError):
        duration_ns(value)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        -(10**12),
        datetime.max,
        datetime(1600, 1, 1),
        np.datetime64("NaT", "ns"),
        np.datetime64("3000-01-01"),
        np.datetime64("3000-01-01T00:00:00", "s"),
    ],
)
def test_timestamps_out_of_range(value: Any) -> None:
    with pytest.raises(DataError):
        timestamp_ns(value)


def test_numpy_units() -> None:
    assert duration_ns(np.timedelta64(3, "h")) == 3 * 3_600 * 10**9
    assert duration_ns(np.timedelta64(1500, "ps")) == 1
    assert duration_ns(np.float32(0.5)) == 500_000_000
    assert duration_ns(np.int16(2)) == 2 * 10**9
    assert timestamp_ns(np.datetime64("2000-01", "M")) == 946_684_800 * 10**9
    with pytest.raises(TypeError, match="months"):
        duration_ns(np.timedelta64(1, "Y"))


def test_time_zones() -> None:
    east = timezone(timedelta(hours=2))
    assert timestamp_ns(datetime(1970, 1, 1, 2, tzinfo=east)) == 0


def test_nanoseconds_of_pandas_are_kept_and_its_nat_refused() -> None:
    class Nanoseconds(timedelta):
        nanoseconds = 7

    class NotATime(timedelta):
        __hash__ = timedelta.__hash__

        def __ne__(self, other: object) -> bool:
            return True

    assert duration_ns(Nanoseconds(microseconds=1)) == 1_007
    with pytest.raises(DataError, match="not a time"):
        duration_ns(NotATime(1))


@given(st.datetimes(datetime(1680, 1, 1), datetime(2260, 1, 1)))
def test_datetimes_are_exact(when: datetime) -> None:
    assert timestamp_ns(when) == int(np.datetime64(when, "ns").astype(np.int64))
    assert timestamp_ns(when) == timestamp_ns(when.replace(tzinfo=UTC))


@given(st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000)))
def test_timedeltas_are_exact(duration: timedelta) -> None:
    assert duration_ns(duration) == duration // timedelta(microseconds=1) * 1_000


def test_time_points() -> None:
    one = with_time(EMPTY_TIME_POINT, "step", "sequence", 1)
    assert one[1:] == (1,)
    assert one[0].names == ("step",)
    assert one[0].kinds == ("sequence",)
    two = with_time(one, "step", "sequence", 2)
    assert two[0] is one[0]
    assert two[1:] == (2,)
    both = with_time(two, "frame", "sequence", 9)
    assert both[0].names == ("frame", "step")
    assert both[0].index == {"frame": 1, "step": 2}
    assert both[1:] == (9, 2)
    assert with_time(both, "frame", "sequence", 8)[1:] == (8, 2)
    assert with_time(both, "step", "sequence", 8)[1:] == (9, 8)
    assert without(both, "frame") == two
    assert without(both, "step")[1:] == (9,)
    assert without(both, "nothing") is both
    assert "frame: sequence" in repr(both[0])


def test_the_order_of_setting_does_not_matter() -> None:
    a = with_time(with_time(EMPTY_TIME_POINT, "a", "sequence", 1), "b", "duration", 2)
    b = with_time(with_time(EMPTY_TIME_POINT, "b", "duration", 2), "a", "sequence", 1)
    assert a[0] is b[0]
    assert a == b


def test_a_timeline_may_change_its_kind() -> None:
    point = with_time(with_time(EMPTY_TIME_POINT, "t", "sequence", 1), "u", "sequence", 2)
    point = with_time(point, "t", "duration", 3)
    assert point[0].kinds == ("duration", "sequence")
    assert point[1:] == (3, 2)


def test_schemas_survive_pickling_as_themselves() -> None:
    point = with_time(EMPTY_TIME_POINT, "t", "sequence", 1)
    assert pickle.loads(pickle.dumps(point))[0] is point[0]


def test_many_timelines_are_not_kept_forever() -> None:
    schema = EMPTY_TIME_POINT[0]
    for number in range(600):
        with_time(EMPTY_TIME_POINT, f"timeline {number}", "sequence", 1)
    assert len(schema._extended) <= 256


def test_names() -> None:
    with pytest.raises(UsageError, match="empty"):
        with_time(EMPTY_TIME_POINT, "", "sequence", 1)
    with pytest.raises(TypeError, match="str"):
        with_time(EMPTY_TIME_POINT, 7, "sequence", 1)  # type: ignore[arg-type]


def test_times_of_one_row() -> None:
    base = with_time(EMPTY_TIME_POINT, "a", "sequence", 5)
    point = time_point_of(
        {
            "frame": np.int32(7),
            "since": timedelta(seconds=1),
            "numpy": np.timedelta64(2, "ns"),
            "when": datetime(1970, 1, 1, 0, 0, 1),
            "then": np.datetime64(3, "ns"),
            "a": 6,
        },
        base,
    )
    found = dict(zip(point[0].names, zip(point[0].kinds, point[1:], strict=True), strict=True))
    assert found == {
        "a": ("sequence", 6),
        "frame": ("sequence", 7),
        "since": ("duration", 10**9),
        "numpy": ("duration", 2),
        "when": ("timestamp", 10**9),
        "then": ("timestamp", 3),
    }
    for wrong in (1.5, "7", None):
        with pytest.raises(TypeError, match="does not tell its kind"):
            time_point_of({"frame": wrong})
    with pytest.raises(DataError):
        time_point_of({"frame": 2**63})


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5)), max_size=12))
def test_a_time_point_is_a_mapping(changes: list[tuple[str, int]]) -> None:
    point, expected = EMPTY_TIME_POINT, dict[str, int]()
    for name, value in changes:
        if value:
            point, expected[name] = with_time(point, name, "sequence", value), value
        else:
            point = without(point, name)
            expected.pop(name, None)
    assert dict(zip(point[0].names, point[1:], strict=True)) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"sequence": [1, np.int8(2)]}, [1, 2]),
        ({"sequence": range(3)}, [0, 1, 2]),
        ({"sequence": np.array([1, 2], np.uint8)}, [1, 2]),
        ({"sequence": np.array([1, 2], ">i4")}, [1, 2]),
        ({"sequence": []}, []),
        ({"duration": np.array([], np.int64)}, []),
        ({"duration": [1, 0.5, timedelta(seconds=2), np.timedelta64(3, "ns")]}, [10**9, 5 * 10**8, 2 * 10**9, 3]),
        ({"duration": np.array([0.25, 3.6])}, [25 * 10**7, 3_600_000_000]),
        ({"duration": np.array([1, 2])}, [10**9, 2 * 10**9]),
        ({"duration": np.array([1, 2], "timedelta64[s]")}, [10**9, 2 * 10**9]),
        ({"timestamp": np.array(["1970-01-01T00:00:01"], "datetime64[s]")}, [10**9]),
        ({"timestamp": [datetime(1970, 1, 1, 0, 0, 1)]}, [10**9]),
        ({"timestamp": np.array([1.5])}, [1_500_000_000]),
    ],
)
def test_time_columns(times: dict[str, Any], expected: list[int]) -> None:
    column = TimeColumn("t", **times)
    assert column.kind == next(iter(times))
    assert column.timeline == "t"
    assert column.values.dtype == np.int64
    assert column.values.tolist() == expected
    assert len(column) == len(expected)
    assert "t" in repr(column)


@pytest.mark.parametrize(
    ("times", "error"),
    [
        ({}, UsageError),
        ({"sequence": [1], "duration": [1]}, UsageError),
        ({"sequence": [1.5]}, TypeError),
        ({"sequence": np.array([1.5])}, TypeError),
        ({"sequence": np.array([[1]])}, DataError),
        ({"sequence": np.array([2**63], np.uint64)}, DataError),
        ({"duration": np.array([np.nan])}, DataError),
        ({"duration": np.array([1e30])}, DataError),
        ({"duration": np.array([1], "datetime64[s]")}, TypeError),
        ({"timestamp": np.array([1.7e12])}, DataError),
        ({"timestamp": np.array([1.5], np.float32)}, TypeError),
        ({"timestamp": np.array(["3000-01-01"], "datetime64[D]")}, DataError),
        ({"timestamp": np.array(["NaT"], "datetime64[D]")}, DataError),
    ],
)
def test_wrong_time_columns(times: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        TimeColumn("t", **times)


def test_names_of_time_columns() -> None:
    with pytest.raises(UsageError, match="empty"):
        TimeColumn("", sequence=[1])
    with pytest.raises(TypeError, match="str"):
        TimeColumn(1, sequence=[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us"])
def test_the_bounds_of_numpy_times_in_every_unit(unit: str) -> None:
    for text in ("1679-01-01", "2261-12-31"):
        when = np.datetime64(text, unit)
        assert timestamp_ns(when) == int(when.astype("datetime64[ns]").astype(np.int64))
    for text in ("1676-01-01", "2263-01-01"):
        with pytest.raises(DataError, match="out of range"):
            timestamp_ns(np.datetime64(text, unit))
    with pytest.raises(DataError, match="out of range"):
        timestamp_ns(np.datetime64(2**62, unit))
