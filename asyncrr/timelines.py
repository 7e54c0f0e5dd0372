"""Time points: the place of a row on each of its timelines.

A time point is an immutable tuple ``(schema, value, value, ...)``. Schemas are interned, so that ``a[0] is b[0]``
tells whether two rows share their timelines. Values are int64: a number on a ``sequence`` timeline, nanoseconds on
a ``duration`` timeline, nanoseconds since the epoch (UTC) on a ``timestamp`` timeline.
"""

from __future__ import annotations

import datetime as dt
import operator
import weakref
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np

from asyncrr.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "EMPTY_TIME_POINT",
    "QUICKLY_COMPARED",
    "TimeColumn",
    "TimePoint",
    "TimeSchema",
    "duration_ns",
    "sequence_value",
    "time_point_of",
    "timestamp_ns",
    "with_time",
    "without",
]

_INT64_MIN = -(2**63)
_INT64_MAX = 2**63 - 1
_MILLISECONDS_FROM = 1e11
"""Seconds since the epoch beyond this (the year 5138) are milliseconds by mistake."""

QUICKLY_COMPARED = 2**30 - 1
"""The greatest integer that CPython keeps in one digit. Hot paths check these at once, and others at length."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EXTENSIONS_KEPT = 256
_UNIT_NS = {
    "Y": 366 * 86_400 * 10**9,
    "M": 3_045 * 864 * 10**9,
    "W": 7 * 86_400 * 10**9,
    "D": 86_400 * 10**9,
    "h": 3_600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
}
"""Nanoseconds of numpy's units that are coarser; of years and months no less than their mean."""


class TimeSchema:
    """Which timelines a time point has.

    Attributes:
        names: Their names, in order.
        kinds: For each, ``sequence``, ``duration`` or ``timestamp``.
        index: For each name, where its value stands in the time point (the first at 1).
        only_sequence: The name, if this is one timeline and a ``sequence``: what most programs have, made quick.
    """

    __slots__ = ("__weakref__", "_extended", "index", "kinds", "names", "only_sequence")

    def __init__(self, names: tuple[str, ...], kinds: tuple[str, ...]) -> None:
        self.names: tuple[str, ...] = names
        self.kinds: tuple[str, ...] = kinds
        self.index: dict[str, int] = {name: at for at, name in enumerate(names, 1)}
        self.only_sequence: str | None = names[0] if kinds == ("sequence",) else None
        self._extended: dict[tuple[str, str], tuple[TimeSchema, int]] = {}

    def __repr__(self) -> str:
        return f"TimeSchema({', '.join(f'{name}: {kind}' for name, kind in zip(self.names, self.kinds, strict=True))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _schema, (self.names, self.kinds)

    def extended(self, name: str, kind: str) -> tuple[TimeSchema, int]:
        """The schema with one more timeline, and where that one's value belongs."""
        found = self._extended.get((name, kind))
        if found is None:
            if not isinstance(name, str):
                raise TypeError(f"a timeline's name is a str, not {type(name).__name__}: {name!r}")
            if not name:
                raise UsageError("a timeline's name cannot be empty")
            at = sum(1 for other in self.names if other < name)
            names, kinds = self.names, self.kinds
            schema = _schema((*names[:at], name, *names[at:]), (*kinds[:at], kind, *kinds[at:]))
            if len(self._extended) >= _EXTENSIONS_KEPT:
                self._extended.clear()
            found = self._extended[name, kind] = schema, at + 1
        return found


TimePoint: TypeAlias = "tuple[Any, ...]"

_schemas: weakref.WeakValueDictionary[tuple[tuple[str, ...], tuple[str, ...]], TimeSchema]
_schemas = weakref.WeakValueDictionary()


def _schema(names: tuple[str, ...], kinds: tuple[str, ...]) -> TimeSchema:
    """The one schema with these timelines."""
    return _schemas.setdefault((names, kinds), TimeSchema(names, kinds))


EMPTY_TIME_POINT: TimePoint = (_schema((), ()),)


def with_time(time_point: TimePoint, name: str, kind: str, value: int) -> TimePoint:
    """The time point with one timeline set."""
    schema = time_point[0]
    at = schema.index.get(name)
    if at is None:
        schema, at = schema.extended(name, kind)
        return (schema, *time_point[1:at], value, *time_point[at:])
    if schema.kinds[at - 1] != kind:
        return with_time(without(time_point, name), name, kind, value)
    if len(time_point) == 2:
        return (schema, value)
    return (*time_point[:at], value, *time_point[at + 1 :])


def without(time_point: TimePoint, name: str) -> TimePoint:
    """The time point without one timeline; unchanged if it has none of that name."""
    schema = time_point[0]
    at = schema.index.get(name)
    if at is None:
        return time_point
    names, kinds = schema.names, schema.kinds
    rest = _schema(names[: at - 1] + names[at:], kinds[: at - 1] + kinds[at:])
    return (rest, *time_point[1:at], *time_point[at + 1 :])


def time_point_of(times: Mapping[str, Any], base: TimePoint = EMPTY_TIME_POINT) -> TimePoint:
    """The time point ``base`` with the times of one row.

    Args:
        times: For each timeline its time, whose type tells the kind: integers are sequence numbers,
            ``timedelta`` and ``np.timedelta64`` durations, ``datetime`` and ``np.datetime64`` timestamps.
        base: What holds on the other timelines.

    Raises:
        TypeError: A time of another type.
        DataError: A time out of range.
    """
    for name, time in times.items():
        if type(time) is int:
            base = with_time(base, name, "sequence", sequence_value(time))
        elif isinstance(time, dt.timedelta | np.timedelta64):
            base = with_time(base, name, "duration", duration_ns(time))
        elif isinstance(time, dt.datetime | np.datetime64):
            base = with_time(base, name, "timestamp", timestamp_ns(time))
        elif isinstance(time, int | np.integer):
            base = with_time(base, name, "sequence", sequence_value(time))
        else:
            raise TypeError(
                f"time of {name!r}: {type(time).__name__} {time!r} does not tell its kind; "
                "give an int, a timedelta or a datetime, or call set_time(timeline, duration=...) for seconds"
            )
    return base


def sequence_value(value: Any) -> int:
    """A number on a sequence timeline.

    Raises:
        TypeError: No integer.
        DataError: Beyond int64.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"sequence is an integer, not {type(value).__name__}: {value!r}") from None
    return number if _INT64_MIN <= number <= _INT64_MAX else _in_range(number, "sequence", value)


def duration_ns(value: Any) -> int:
    """A duration in nanoseconds.

    Args:
        value: Seconds as int or float, a ``timedelta`` or an ``np.timedelta64``.

    Raises:
        TypeError: Anything else.
        DataError: Not a finite time, or beyond int64 nanoseconds (292 years).
    """
    if isinstance(value, np.timedelta64):
        return _numpy_ns(value, "timedelta64[ns]", "duration")
    if isinstance(value, dt.timedelta):
        return _in_range(_timedelta_ns(value, "duration"), "duration", value)
    if isinstance(value, int | np.integer):
        return _in_range(int(value) * 1_000_000_000, "duration", value)
    if isinstance(value, float | np.floating):
        return _seconds_ns(float(value), "duration", value)
    raise TypeError(f"duration is seconds, a timedelta or np.timedelta64, not {type(value).__name__}: {value!r}")


def timestamp_ns(value: Any) -> int:
    """A timestamp in nanoseconds since the epoch, UTC.

    Args:
        value: Seconds since the epoch as int or float, a ``datetime`` (naive ones are UTC) or an ``np.datetime64``.

    Raises:
        TypeError: Anything else; float16 and float32, too, cannot hold a timestamp.
        DataError: Not a finite time, beyond int64 nanoseconds (the years 1678 to 2262), or evidently milliseconds.
    """
    if isinstance(value, np.datetime64):
        return _numpy_ns(value, "datetime64[ns]", "timestamp")
    if isinstance(value, dt.datetime):
        since = (value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)) - _EPOCH
        return _in_range(_timedelta_ns(since, "timestamp"), "timestamp", value)
    if isinstance(value, int | np.integer | float):
        if value > _MILLISECONDS_FROM:
            raise DataError(
                f"timestamp {value!r}: seconds since the epoch are expected, and this looks like milliseconds "
                "or smaller; divide it, or pass np.datetime64(value, 'ms')"
            )
        if isinstance(value, float):
            return _seconds_ns(value, "timestamp", value)
        return _in_range(int(value) * 1_000_000_000, "timestamp", value)
    raise TypeError(
        f"timestamp is seconds since the epoch, a datetime or np.datetime64, not {type(value).__name__}: {value!r}"
    )


def _in_range(number: int, kind: str, value: Any) -> int:
    if _INT64_MIN <= number <= _INT64_MAX:
        return number
    raise DataError(f"{kind} {value!r} is out of range: it does not fit int64{'' if kind == 'sequence' else ' ns'}")


def _timedelta_ns(value: dt.timedelta, kind: str) -> int:
    if value != value:
        raise DataError(f"{kind} {value!r} is not a time")
    # pandas keeps nanoseconds beside the microseconds of the standard library.
    nanoseconds = int(getattr(value, "nanoseconds", 0))
    return (value.days * 86_400 + value.seconds) * 1_000_000_000 + value.microseconds * 1_000 + nanoseconds


def _seconds_ns(seconds: float, kind: str, value: Any) -> int:
    try:
        return _in_range(round(seconds * 1e9), kind, value)
    except (OverflowError, ValueError):
        raise DataError(f"{kind} {value!r} is not a finite number of seconds") from None


def _numpy_ns(value: Any, unit: str, kind: str) -> int:
    """A scalar or array of numpy times as int64 nanoseconds, checked, since numpy itself may wrap around."""
    if np.isnat(value).any():
        raise DataError(f"{kind} {value!r} is not a time")
    own_unit, multiple = np.datetime_data(value.dtype)
    if kind == "duration" and own_unit in ("Y", "M"):
        raise TypeError(f"duration {value!r}: months and years have no fixed length; use days or less")
    if own_unit in _UNIT_NS:
        limit = _INT64_MAX // (_UNIT_NS[own_unit] * multiple)
        count = value.astype(np.int64)
        if not ((count >= -limit) & (count <= limit)).all():
            raise DataError(f"{kind} {value!r} is out of range: it does not fit int64 ns")
    nanoseconds = value.astype(unit)
    return nanoseconds.astype(np.int64) if value.ndim else int(nanoseconds.astype(np.int64))


class TimeColumn:
    """The times of many rows on one timeline, for ``send_columns``.

    Attributes:
        timeline: The timeline's name.
        kind: ``sequence``, ``duration`` or ``timestamp``.
        values: One int64 per row.
    """

    __slots__ = ("kind", "timeline", "values")

    @overload
    def __init__(self, timeline: str, *, sequence: Iterable[int] | np.ndarray[Any, Any]) -> None: ...
    @overload
    def __init__(
        self, timeline: str, *, duration: Iterable[float | dt.timedelta | np.timedelta64] | np.ndarray[Any, Any]
    ) -> None: ...
    @overload
    def __init__(
        self, timeline: str, *, timestamp: Iterable[float | dt.datetime | np.datetime64] | np.ndarray[Any, Any]
    ) -> None: ...
    def __init__(
        self,
        timeline: str,
        *,
        sequence: Iterable[int] | np.ndarray[Any, Any] | None = None,
        duration: Iterable[float | dt.timedelta | np.timedelta64] | np.ndarray[Any, Any] | None = None,
        timestamp: Iterable[float | dt.datetime | np.datetime64] | np.ndarray[Any, Any] | None = None,
    ) -> None:
        """Make a column from exactly one kind of times.

        Args:
            timeline: The timeline's name.
            sequence: Integers.
            duration: Seconds, ``timedelta`` or ``np.timedelta64``.
            timestamp: Seconds since the epoch, ``datetime`` or ``np.datetime64``.
        """
        if not isinstance(timeline, str):
            raise TypeError(f"a timeline's name is a str, not {type(timeline).__name__}: {timeline!r}")
        if not timeline:
            raise UsageError("a timeline's name cannot be empty")
        given = [
            (kind, times)
            for kind, times in (("sequence", sequence), ("duration", duration), ("timestamp", timestamp))
            if times is not None
        ]
        if len(given) != 1:
            raise UsageError(
                f"TimeColumn({timeline!r}): exactly one of sequence, duration and timestamp is needed, got "
                + (" and ".join(kind for kind, _ in given) or "none")
            )
        self.timeline: str = timeline
        self.kind: str
        self.kind, times = given[0]
        self.values: np.ndarray[Any, Any] = _column_values(times, self.kind)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"TimeColumn({self.timeline!r}, {self.kind}, {len(self.values)} rows)"


_CONVERTERS = {"sequence": sequence_value, "duration": duration_ns, "timestamp": timestamp_ns}
_NUMPY_UNITS = {("m", "duration"): "timedelta64[ns]", ("M", "timestamp"): "datetime64[ns]"}


def _column_values(times: Any, kind: str) -> np.ndarray[Any, Any]:
    """Times of one kind as a fresh, read-only int64 array."""
    if not isinstance(times, np.ndarray):
        convert = _CONVERTERS[kind]
        values = np.fromiter((convert(time) for time in times), "<i8")
    elif times.ndim != 1:
        raise DataError(f"{kind}: one time per row is needed, got an array of shape {times.shape}")
    elif times.dtype.kind in "iu" and (kind == "sequence" or not times.size):
        if times.size and times.dtype.kind == "u" and int(times.max()) > _INT64_MAX:
            raise DataError(f"sequence {times.max()} is out of range: it does not fit int64")
        values = times.astype("<i8")
    elif (times.dtype.kind, kind) in _NUMPY_UNITS:
        values = np.array(_numpy_ns(times, _NUMPY_UNITS[times.dtype.kind, kind], kind), "<i8")
    elif times.dtype == np.float64 and kind != "sequence":
        values = _float_column(times, kind)
    else:
        return _column_values(list(times), kind)
    values.flags.writeable = False
    return values


def _float_column(seconds: np.ndarray[Any, Any], kind: str) -> np.ndarray[Any, Any]:
    nanoseconds = np.rint(seconds * 1e9)
    limit = _MILLISECONDS_FROM * 1e9 if kind == "timestamp" else 2.0**63
    wrong = ~((nanoseconds >= -(2.0**63)) & (nanoseconds < min(limit, 2.0**63)))
    if wrong.any():
        _CONVERTERS[kind](float(seconds[wrong][0]))
    return nanoseconds.astype("<i8")
