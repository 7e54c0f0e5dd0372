"""Setting the time of what is logged next, in this context."""

from __future__ import annotations

import datetime as dt
from typing import Any, overload

import numpy as np

from asyncrr.errors import UsageError
from asyncrr.scope import active_time_point, context_state, doubts, set_active_time_point, set_context_state
from asyncrr.timelines import (
    EMPTY_TIME_POINT,
    QUICKLY_COMPARED,
    duration_ns,
    sequence_value,
    timestamp_ns,
    with_time,
    without,
)

__all__ = [
    "disable_timeline",
    "reset_time",
    "set_time",
    "set_time_nanos",
    "set_time_seconds",
    "set_time_sequence",
]


@overload
def set_time(timeline: str, *, sequence: int) -> None: ...
@overload
def set_time(timeline: str, *, duration: float | dt.timedelta | np.timedelta64) -> None: ...
@overload
def set_time(timeline: str, *, timestamp: float | dt.datetime | np.datetime64) -> None: ...
def set_time(timeline: str, *, sequence: Any = None, duration: Any = None, timestamp: Any = None) -> None:
    """Set the time on one timeline for what is logged next in this context.

    It belongs to the current task or thread, which hands it on to those it starts; inside a recording's scope it
    belongs to that scope and ends with it.

    Args:
        timeline: Its name.
        sequence: A number, such as a frame's.
        duration: Seconds, a ``timedelta`` or a ``timedelta64``.
        timestamp: Seconds since the epoch, a ``datetime`` (naive ones are UTC) or a ``datetime64``.

    Raises:
        UsageError: Not exactly one of the three is given.
        DataError: The value does not fit into 64 bits, or seems to be in milliseconds.
        TypeError: It is no time.
    """
    if sequence is not None and duration is None and timestamp is None:
        if sequence.__class__ is not int or not 0 <= sequence <= QUICKLY_COMPARED:
            sequence = sequence_value(sequence)
        if not doubts:
            recording, time_point, scope, below, doubt = context_state()
            schema = time_point[0]
            if schema.only_sequence == timeline and scope.borrower is None:  # as in most loops
                set_context_state((recording, (schema, sequence), scope, below, doubt))
                return
        set_active_time_point(with_time(active_time_point(), timeline, "sequence", sequence))
    elif duration is not None and sequence is None and timestamp is None:
        set_active_time_point(with_time(active_time_point(), timeline, "duration", duration_ns(duration)))
    elif timestamp is not None and sequence is None and duration is None:
        set_active_time_point(with_time(active_time_point(), timeline, "timestamp", timestamp_ns(timestamp)))
    else:
        raise UsageError(f"set_time({timeline!r}): give exactly one of sequence, duration and timestamp")


def set_time_sequence(timeline: str, sequence: int) -> None:
    """An older spelling of ``set_time(timeline, sequence=sequence)``."""
    set_time(timeline, sequence=sequence)


def set_time_seconds(timeline: str, seconds: float) -> None:
    """An older spelling of ``set_time(timeline, timestamp=seconds)``."""
    set_time(timeline, timestamp=seconds)


def set_time_nanos(timeline: str, nanos: int) -> None:
    """An older spelling of ``set_time(timeline, timestamp=...)``, in nanoseconds since the epoch."""
    set_active_time_point(with_time(active_time_point(), timeline, "timestamp", sequence_value(nanos)))


def disable_timeline(timeline: str) -> None:
    """Log no time on this timeline from now on, in this context."""
    set_active_time_point(without(active_time_point(), timeline))


def reset_time() -> None:
    """Log no time on any timeline from now on, in this context, but for ``log_time``."""
    set_active_time_point(EMPTY_TIME_POINT)
