"""Rows of one entity and one kind, from the call to the columns of a chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from asyncrr.archetypes import Scalars
from asyncrr.chunks import Chunk, Column
from asyncrr.components import ComponentBatch
from asyncrr.timelines import TimePoint

__all__ = ["CALL_SHIFT", "FIELDS", "OpenRows", "batch_columns", "scalar_columns", "snapshot"]

CALL_SHIFT = 20
"""A row's number is its call's number times ``2**CALL_SHIFT``, plus its place in the call (``send_columns``)."""

FIELDS = 4
"""How many list items one open row takes: call number, log time in ns, time point, value."""

_SCALARS = Scalars.DESCRIPTORS[0]

Columns: TypeAlias = "dict[str, Column]"
MakeColumns: TypeAlias = "Callable[[list[Any]], list[tuple[np.ndarray[Any, Any] | None, Columns]]]"


class OpenRows(list[Any]):
    """Rows that have not become a chunk yet: ``FIELDS`` list items each.

    A row is one ``extend``, which no other thread, signal handler or finaliser can divide: that is why logging
    takes no lock. Rows leave from the front while others may be appended.

    Args:
        path: The canonical entity path.
        is_static: The rows hold on all timelines.
        make_columns: Turns the values of rows into columns, each with the places of its rows (``None``: all).
    """

    __slots__ = ("is_static", "make_columns", "path")

    def __init__(self, path: str, is_static: bool, make_columns: MakeColumns) -> None:
        super().__init__()
        self.path = path
        self.is_static = is_static
        self.make_columns = make_columns

    @property
    def row_count(self) -> int:
        """How many rows are open."""
        return len(self) // FIELDS

    def detach(self) -> list[Any]:
        """Remove the rows there are now, and return them."""
        rows = self[:]
        del self[: len(rows)]
        return rows

    def chunks(self, rows: list[Any]) -> list[Chunk]:
        """Turn detached rows into chunks: one, unless they differ in their timelines or components."""
        calls = np.array(rows[0::FIELDS], np.uint64)
        log_times = np.array(rows[1::FIELDS], np.int64)
        points: list[TimePoint] = rows[2::FIELDS]
        values = rows[3::FIELDS]
        if len(calls) > 1 and not np.all(calls[1:] > calls[:-1]):  # threads drew numbers in another order
            order = np.argsort(calls, kind="stable")
            calls, log_times = calls[order], log_times[order]
            points = [points[i] for i in order]
            values = [values[i] for i in order]
        numbers = calls << np.uint64(CALL_SHIFT)
        chunks = []
        for places, columns in self.make_columns(values):
            part_points = points if places is None else [points[i] for i in places]
            for same_times, timelines in _timelines(part_points, self.is_static):
                part = _both(places, same_times)
                part_columns = columns if same_times is None else _select(columns, same_times)
                if not self.is_static:
                    timelines["log_time"] = ("timestamp", log_times if part is None else log_times[part])
                part_numbers = numbers if part is None else numbers[part]
                chunks.append(Chunk(self.path, part_numbers, timelines, part_columns, self.is_static))
        return chunks


def _timelines(
    points: Sequence[TimePoint], is_static: bool
) -> Iterable[tuple[np.ndarray[Any, Any] | None, dict[str, tuple[str, np.ndarray[Any, Any]]]]]:
    if is_static:
        return [(None, {})]
    schemas = {id(point[0]): point[0] for point in points}
    if len(schemas) == 1:
        return [(None, _times(points))]
    parts = []
    for schema in schemas.values():
        places = np.array([i for i, point in enumerate(points) if point[0] is schema])
        parts.append((places, _times([points[i] for i in places])))
    return parts


def _times(points: Sequence[TimePoint]) -> dict[str, tuple[str, np.ndarray[Any, Any]]]:
    schema = points[0][0]
    return {
        name: (kind, np.array([point[place] for point in points], np.int64))
        for place, (name, kind) in enumerate(zip(schema.names, schema.kinds, strict=True), 1)
    }


def _both(first: np.ndarray[Any, Any] | None, second: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any] | None:
    if first is None or second is None:
        return first if second is None else second
    return np.asarray(first[second])


def _select(columns: Columns, places: np.ndarray[Any, Any]) -> Columns:
    return {
        name: Column.from_batches(column.descriptor, [column.batch(int(i)) for i in places], len(places))
        for name, column in columns.items()
    }


def scalar_columns(values: list[Any]) -> list[tuple[np.ndarray[Any, Any] | None, Columns]]:
    """Columns of rows whose values are each a float, or a 1-D float64 array."""
    try:
        array = np.array(values, np.float64)
    except ValueError:  # rows with different numbers of scalars
        batches = [np.atleast_1d(np.asarray(value, np.float64)) for value in values]
        return [(None, {_SCALARS.id: Column.from_batches(_SCALARS, batches, len(values))})]
    instances = 1 if array.ndim == 1 else array.shape[1]
    return [(None, {_SCALARS.id: Column(_SCALARS, instances, array.reshape(-1))})]


def batch_columns(values: list[tuple[ComponentBatch, ...]]) -> list[tuple[np.ndarray[Any, Any] | None, Columns]]:
    """Columns of rows whose values are each a tuple of batches; rows with the same components go together."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, batches in enumerate(values):
        groups.setdefault(tuple([batch.descriptor for batch in batches]), []).append(place)
    parts = []
    for descriptors, places in groups.items():
        columns = {
            descriptor.id: Column.from_batches(descriptor, [values[i][k].values for i in places], len(places))
            for k, descriptor in enumerate(descriptors)
        }
        parts.append((None if len(groups) == 1 else np.array(places), columns))
    return parts


def snapshot(batches: Iterable[ComponentBatch]) -> tuple[tuple[ComponentBatch, ...], int]:
    """Batches that nobody else can change, and their size in bytes."""
    kept = []
    size = 0
    for batch in batches:
        values = batch.values
        if isinstance(values, np.ndarray):
            size += values.nbytes
            if not batch.is_owned:
                batch = ComponentBatch(batch.descriptor, values.copy())
        else:
            size += sum([_value_bytes(value) for value in values])
            if not batch.is_owned:
                batch = ComponentBatch(batch.descriptor, [_copied(value) for value in values])
        kept.append(batch)
    return tuple(kept), size


def _value_bytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    buffer = getattr(value, "buffer", None)
    if isinstance(buffer, np.ndarray):
        return buffer.nbytes
    return len(value) if isinstance(value, str) else 64


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    buffer = getattr(value, "buffer", None)
    if isinstance(buffer, np.ndarray):
        return type(value)(buffer.copy(), value.names)
    return value
