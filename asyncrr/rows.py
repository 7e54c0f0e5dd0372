"""Rows of one entity and one kind, from the call to the columns of a chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from asyncrr.archetypes import Scalars, TextLog
from asyncrr.archetypes.any_values import SCALAR_DTYPES, plain_columns
from asyncrr.buffers import POOLED_BYTES, snapshot_of
from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column
from asyncrr.components import ComponentBatch, ComponentDescriptor
from asyncrr.timelines import TimePoint

__all__ = [
    "CALL_SHIFT",
    "FIELDS",
    "OpenRows",
    "batch_columns",
    "bundled",
    "mapping_columns",
    "scalar_columns",
    "snapshot",
    "text_columns",
]

CALL_SHIFT = 20
"""A row's number is its call's number times ``2**CALL_SHIFT``, plus its place in the call (``send_columns``)."""

FIELDS = 4
"""How many list items one open row takes: call number, log time in ns, time point, value."""

_SCALARS = Scalars.DESCRIPTORS[0]
_TEXT_FIELDS = TextLog.DESCRIPTORS
_schema_of = itemgetter(0)

Array: TypeAlias = "np.ndarray[Any, Any]"
Columns: TypeAlias = "dict[str, Column]"
_Part: TypeAlias = "tuple[Array | None, Columns]"
MakeColumns: TypeAlias = "Callable[[list[Any]], list[_Part]]"


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
        self.path: str = path
        self.is_static: bool = is_static
        self.make_columns: MakeColumns = make_columns

    @property
    def row_count(self) -> int:
        """How many rows are open."""
        return len(self) // FIELDS

    def chunks(self, rows: list[Any]) -> list[Chunk]:
        """Turn some of the rows into chunks: one, unless they differ in their timelines or components."""
        count = len(rows) // FIELDS
        calls = np.fromiter(rows[0::FIELDS], np.int64, count)
        order = None
        if count > 1 and not np.all(calls[1:] > calls[:-1]):  # threads drew numbers in another order
            order = np.argsort(calls, kind="stable")
        return [
            Chunk(self.path, numbers, timelines, columns, self.is_static)
            for _, numbers, timelines, columns in _parts(rows, calls, order, self.make_columns, self.is_static)
        ]


def bundled(all_rows: Sequence[tuple[str, list[Any]]], make_columns: MakeColumns) -> list[Chunk]:
    """Turn rows of several entities into as few chunks as their timelines and components allow.

    Args:
        all_rows: For each entity its rows, none of them static.
        make_columns: As for :class:`OpenRows`.
    """
    counts = [len(rows) // FIELDS for _, rows in all_rows]
    rows = list(chain.from_iterable([rows for _, rows in all_rows]))
    calls = np.fromiter(rows[0::FIELDS], np.int64, sum(counts))
    owners = np.repeat(np.arange(len(counts)), counts)
    order = None
    if not np.all((calls[1:] > calls[:-1]) | (owners[1:] > owners[:-1])):
        order = np.lexsort((calls, owners))
    chunks: list[Chunk] = []
    for places, numbers, timelines, columns in _parts(rows, calls, order, make_columns, False):
        of_each = counts if places is None else np.bincount(owners[places], minlength=len(counts)).tolist()
        runs = tuple([Run(path, count) for (path, _), count in zip(all_rows, of_each, strict=True) if count])
        if len(runs) == 1:
            chunks.append(Chunk(runs[0].entity_path, numbers, timelines, columns))
        else:
            chunks.append(Bundle(runs, numbers, timelines, columns))
    return chunks


def _parts(
    rows: list[Any], calls: Array, order: Array | None, make_columns: MakeColumns, is_static: bool
) -> Iterator[tuple[Array | None, Array, dict[str, tuple[str, Array]], Columns]]:
    """Rows with the same timelines and components: their places (``None``: all), numbers, times and columns.

    Args:
        rows: As in :class:`OpenRows`.
        calls: Their call numbers.
        order: In which they are to be taken; ``None`` as they are.
        make_columns: As for :class:`OpenRows`.
        is_static: They have no times.
    """
    log_times = np.fromiter(rows[1::FIELDS], np.int64, len(calls))
    points: list[TimePoint] = rows[2::FIELDS]
    values = rows[3::FIELDS]
    if order is not None:
        calls, log_times = calls[order], log_times[order]
        points = [points[i] for i in order]
        values = [values[i] for i in order]
    numbers = (calls << CALL_SHIFT).view(np.uint64)
    for places, columns in make_columns(values):
        part_points = points if places is None else [points[i] for i in places]
        for same_times, timelines in _timelines(part_points, is_static):
            part = _both(places, same_times)
            part_columns = columns if same_times is None else _select(columns, same_times)
            if not is_static:
                timelines["log_time"] = ("timestamp", log_times if part is None else log_times[part])
            yield part, numbers if part is None else numbers[part], timelines, part_columns


def _timelines(
    points: Sequence[TimePoint], is_static: bool
) -> Iterable[tuple[Array | None, dict[str, tuple[str, Array]]]]:
    if is_static:
        return [(None, {})]
    schemas = list(map(_schema_of, points))
    if schemas.count(schemas[0]) == len(schemas):
        return [(None, _times(points))]
    parts = []
    for schema in dict.fromkeys(schemas):
        places = np.array([i for i, point in enumerate(points) if point[0] is schema])
        parts.append((places, _times([points[i] for i in places])))
    return parts


def _times(points: Sequence[TimePoint]) -> dict[str, tuple[str, Array]]:
    schema = points[0][0]
    return {
        name: (kind, np.fromiter(map(itemgetter(place), points), np.int64, len(points)))
        for place, (name, kind) in enumerate(zip(schema.names, schema.kinds, strict=True), 1)
    }


def _both(first: Array | None, second: Array | None) -> Array | None:
    if first is None or second is None:
        return first if second is None else second
    return np.asarray(first[second])


def _select(columns: Columns, places: Array) -> Columns:
    return {
        name: Column.from_batches(column.descriptor, [column.batch(int(i)) for i in places], len(places))
        for name, column in columns.items()
    }


def scalar_columns(values: list[Any]) -> list[_Part]:
    """Columns of rows whose values are each a float, or a 1-D float64 array."""
    try:
        return [(None, {_SCALARS.id: Column(_SCALARS, 1, np.fromiter(values, np.float64, len(values)))})]
    except (TypeError, ValueError):  # some rows have several scalars, or none
        batches = [np.atleast_1d(np.asarray(value, np.float64)) for value in values]
        return [(None, {_SCALARS.id: Column.from_batches(_SCALARS, batches, len(values))})]


def text_columns(values: list[tuple[str, str | None, int | None]]) -> list[_Part]:
    """Columns of rows whose values are each text, level and color of a ``TextLog``."""
    levels, colors = list(map(itemgetter(1), values)), list(map(itemgetter(2), values))
    is_even = levels.count(None) in (0, len(values)) and colors.count(None) in (0, len(values))
    given = [(True, True)] if is_even else [(level is None, color is None) for _, level, color in values]
    parts: list[_Part] = []
    for _, places in _grouped(given):
        rows = values if places is None else [values[i] for i in places]
        columns = {}
        for place, field in enumerate(_TEXT_FIELDS):
            if rows[0][place] is not None:
                columns[field.id] = Column.from_singles(field, list(map(itemgetter(place), rows)))
        parts.append((places, columns))
    return parts


def mapping_columns(values: list[dict[str, Any]]) -> list[_Part]:
    """Columns of rows whose values are each a mapping of plain Python scalars."""
    parts: list[_Part] = []
    for items_of, places in plain_columns(values):
        columns = {}
        for name, items in items_of.items():
            descriptor = ComponentDescriptor(name, SCALAR_DTYPES[items[0].__class__])
            columns[name] = Column.from_singles(descriptor, items)
        parts.append((None if places is None else np.array(places), columns))
    return parts


def _grouped(keys: list[Any]) -> list[tuple[Any, Array | None]]:
    """Each key with the places where it stands; ``None`` where that is everywhere."""
    if keys.count(keys[0]) == len(keys):
        return [(keys[0], None)]
    groups: dict[Any, list[int]] = {key: [] for key in dict.fromkeys(keys)}
    for place, key in enumerate(keys):
        groups[key].append(place)
    return [(key, np.array(places)) for key, places in groups.items()]


def batch_columns(values: list[tuple[ComponentBatch, ...]]) -> list[_Part]:
    """Columns of rows whose values are each a tuple of batches.

    Rows with the same components go together, but for big ones: each is a chunk of its own, so that it is not copied.
    """
    keys = [
        (tuple([batch.descriptor for batch in batches]), place if any(map(_is_big, batches)) else -1)
        for place, batches in enumerate(values)
    ]
    parts: list[_Part] = []
    for (descriptors, _), places in _grouped(keys):
        rows = values if places is None else [values[i] for i in places]
        columns = {
            descriptor.id: Column.from_batches(descriptor, [row[k].values for row in rows], len(rows))
            for k, descriptor in enumerate(descriptors)
        }
        parts.append((places, columns))
    return parts


def _is_big(batch: ComponentBatch) -> bool:
    return isinstance(batch.values, np.ndarray) and batch.values.nbytes >= POOLED_BYTES


def snapshot(batches: Iterable[ComponentBatch]) -> tuple[tuple[ComponentBatch, ...], int]:
    """Batches that nobody else can change, and their size in bytes."""
    kept = []
    size = 0
    for batch in batches:
        values = batch.values
        if isinstance(values, np.ndarray):
            size += values.nbytes
            if not batch.is_owned:
                batch = ComponentBatch(batch.descriptor, snapshot_of(values))
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
        return snapshot_of(value)
    buffer = getattr(value, "buffer", None)
    if isinstance(buffer, np.ndarray):
        return type(value)(snapshot_of(buffer), value.names)
    return value
