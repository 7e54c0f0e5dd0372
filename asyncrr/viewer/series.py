"""Series: the numbers of a component over time, kept as arrays that grow, and decimated for a screen."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from asyncrr.components import NUMERIC_DTYPES
from asyncrr.viewer.growing import GrowingRecording

__all__ = ["Series", "decimated"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_MAX_LINES = 64
_HISTORY_BYTES = 8 * 2**20
"""The chunks of more are not kept for other questions: not all have room, and their memory is used again."""


class Series:
    """One component of one entity on one timeline.

    Args:
        entity: The path.
        component: The id of a numeric component whose instances are single numbers.
        timeline: The name.
    """

    def __init__(self, entity: str, component: str, timeline: str) -> None:
        self._entity = entity
        self._component = component
        self._timeline = timeline
        self._taken: dict[tuple[str, ...], int] = {}
        self._times = np.empty(0, np.int64)
        self._values = np.empty((0, 1), np.float64)
        self._count = 0

    @property
    def nbytes(self) -> int:
        """What it holds."""
        return self._times.nbytes + self._values.nbytes

    @property
    def times(self) -> Array:
        """int64 ``(rows,)``, in order."""
        return self._times[: self._count]

    @property
    def values(self) -> Array:
        """float64 ``(rows, lines)``; NaN where a row has fewer instances."""
        return self._values[: self._count]

    def refresh(self, recording: GrowingRecording) -> None:
        """Take what the recording has more of since the last time."""
        before = self._count
        for key, group in recording.entities.get(self._entity, {}).items():
            if self._component not in key:
                continue
            new = [each for each in group.frames[self._taken.get(key, 0) :] if self._timeline in each.summary.timelines]
            self._taken[key] = len(group.frames)
            self._reserve(sum(each.summary.row_count for each in new))
            is_history = sum(each.nbytes for each in new) > _HISTORY_BYTES
            for chunk in recording.load_each(new, is_kept=not is_history):
                column = chunk.columns[self._component]
                if column.descriptor.dtype in NUMERIC_DTYPES and not column.descriptor.shape:
                    self._append(chunk.timelines[self._timeline][1], _rows(column.values, column.counts, len(chunk)))
        tail = self._times[max(before - 1, 0) : self._count]
        if (tail[1:] < tail[:-1]).any():
            order = np.argsort(self.times, kind="stable")
            self._times[: self._count] = self.times[order]
            self._values[: self._count] = self.values[order]

    def _append(self, times: Array, values: Array) -> None:
        self._reserve(len(times))
        lines = values.shape[1]
        if lines > self._values.shape[1]:
            self._resize(len(self._times), lines)
        begin, self._count = self._count, self._count + len(times)
        self._times[begin : self._count] = times
        self._values[begin : self._count, :lines] = values
        self._values[begin : self._count, lines:] = np.nan

    def _reserve(self, rows: int) -> None:
        """Have room for so many more; history comes at once, the rest bit by bit."""
        needed = self._count + rows
        if needed > len(self._times):
            self._resize(max(1024, 2 * needed if self._count else needed), self._values.shape[1])

    def _resize(self, room: int, lines: int) -> None:
        times, values = self.times, self.values
        self._times, self._values = np.empty(room, np.int64), np.empty((room, lines))
        self._times[: self._count] = times
        self._values[: self._count, : values.shape[1]] = values
        self._values[: self._count, values.shape[1] :] = np.nan


def _rows(values: Array, counts: int | Array, rows: int) -> Array:
    """Values row by row, ``(rows, lines)``."""
    if not isinstance(counts, np.ndarray):
        return values.reshape(rows, counts)[:, :_MAX_LINES]
    found = np.full((rows, min(int(counts.max(initial=0)), _MAX_LINES)), np.nan)
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    for line in range(found.shape[1]):
        has = counts > line
        found[has, line] = values[starts[:-1][has] + line]
    return found


def decimated(times: Array, values: Array, low: int, high: int, points: int) -> tuple[Array, Array]:
    """What a screen needs of one line within a range: at most about so many points, and no extreme lost.

    Args:
        times: In order.
        values: As many.
        low: The first time.
        high: The last time; one point more on either side is kept, so that lines reach the border.
        points: How many.
    """
    first = max(int(np.searchsorted(times, low)) - 1, 0)
    last = min(int(np.searchsorted(times, high, "right")) + 1, len(times))
    times, values = times[first:last], values[first:last]
    count = len(times)
    if count <= points:
        return times, values
    step = -(-2 * count // points)
    whole = count // step * step
    has_nan = bool(np.isnan(values.min()))
    lows = np.where(np.isnan(values), np.inf, values) if has_nan else values
    highs = np.where(np.isnan(values), -np.inf, values) if has_nan else values
    offsets = np.arange(0, whole, step)
    least = offsets + np.argmin(lows[:whole].reshape(-1, step), axis=1)
    most = offsets + np.argmax(highs[:whole].reshape(-1, step), axis=1)
    rest = np.arange(whole, count)
    if len(rest) > 2:
        rest = whole + np.array([np.argmin(lows[whole:]), np.argmax(highs[whole:])])
    chosen = np.unique(np.concatenate([[0], least, most, rest, [count - 1]]))
    return times[chosen], values[chosen]
