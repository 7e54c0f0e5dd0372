"""Queries: rows in order, columns, and what held at a time, out of stored chunks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import NUMERIC_DTYPES, BatchValues
from asyncrr.paths import entity_path_of

__all__ = [
    "Cell",
    "ComponentColumn",
    "Loaded",
    "Row",
    "RowId",
    "glob_matches",
    "latest_at",
    "latest_cells",
    "select_column",
    "select_rows",
]

Array: TypeAlias = "np.ndarray[Any, Any]"

_STATIC_TIME = -(2**63)
_CLEAR = "Clear:is_recursive"
_PART = r"(?:[^/\\]|\\.)"


class RowId(NamedTuple):
    """Names one row of a recording, for good.

    Attributes:
        writer_id: Whose row it is.
        number: The writer's own count of its rows, from 0.
    """

    writer_id: str
    number: int


class Row(NamedTuple):
    """One ``log`` call, read back.

    Attributes:
        times: By timeline, an int64; empty for a static row.
        components: By component id, the instances, as :class:`asyncrr.components.ComponentBatch` has them.
        is_static: It has no time and holds on all timelines.
        row_id: Its name.
    """

    times: dict[str, int]
    components: dict[str, BatchValues]
    is_static: bool
    row_id: RowId


class ComponentColumn(NamedTuple):
    """One component of an entity over time.

    Attributes:
        times: int64 ``(rows,)``; without a timeline the row numbers; ``-2**63`` for static rows.
        values: ``(rows, instances, *shape)`` where all rows have the same number of numeric instances of one fixed
            shape; else a list with an item for each row, an array or a list of strings, mappings or tensors.
        is_static: bool ``(rows,)``.
    """

    times: Array
    values: Array | list[Any]
    is_static: Array


class Loaded(NamedTuple):
    """A chunk and whose it is.

    Attributes:
        chunk: The chunk.
        writer_id: Its writer.
        writer_rank: The writer's place among those of the recording, oldest first: row numbers of two writers are
            ordered by it.
    """

    chunk: Chunk
    writer_id: str
    writer_rank: int


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.findall(rf"{_PART}+", pattern)
    expression = "".join(rf"(?:/{_PART}+)*" if part == "**" else "/" + _part_expression(part) for part in parts)
    return re.compile(expression, re.DOTALL)


def _part_expression(part: str) -> str:
    pieces = re.findall(r"\\.|[^\\]", part, re.DOTALL)
    if "*" not in pieces:
        return re.escape(entity_path_of(part))
    return "".join(rf"{_PART}*" if piece == "*" else re.escape(piece) for piece in pieces)


def glob_matches(pattern: str, entity_path: str) -> bool:
    """Whether a path is one that a pattern means.

    ``**`` stands for any number of parts, none too, so ``camera/**`` means ``camera`` and all below it; ``*`` stands
    for one part, or for any characters within one; all else for itself.
    """
    path = "" if entity_path == "/" else "/" + entity_path
    return _compiled(pattern).fullmatch(path) is not None


def select_rows(loaded: Iterable[Loaded], timeline: str | None) -> Iterator[Row]:
    """Rows by row id, or by their time on a timeline with static rows first; rows without it are left out."""
    chunks = [each for each in loaded if _is_on(each.chunk, timeline)]
    for chunk, row in _ordered(chunks, timeline):
        each = chunks[chunk]
        found = each.chunk.row(row)
        yield Row(found.times, found.components, each.chunk.is_static, RowId(each.writer_id, found.number))


def select_column(loaded: Iterable[Loaded], component: str, timeline: str | None) -> ComponentColumn:
    """One component of all rows that have it, in the order of :func:`select_rows`."""
    chunks = [each for each in loaded if component in each.chunk.columns and _is_on(each.chunk, timeline)]
    if not chunks:
        return ComponentColumn(np.empty(0, np.int64), [], np.empty(0, np.bool_))
    times = np.concatenate([_times(each.chunk, timeline) for each in chunks])
    is_static = np.concatenate([np.full(len(each.chunk), each.chunk.is_static) for each in chunks])
    columns = [each.chunk.columns[component] for each in chunks]
    values = _block(columns, [len(each.chunk) for each in chunks])
    order = _order(chunks, timeline)
    if order is not None:
        times, is_static = times[order], is_static[order]
    if values is not None:
        return ComponentColumn(times, values if order is None else values[order], is_static)
    items = [column.batch(row) for each, column in zip(chunks, columns, strict=True) for row in range(len(each.chunk))]
    return ComponentColumn(times, items if order is None else [items[place] for place in order.tolist()], is_static)


class Cell(NamedTuple):
    """Where the instances lie that hold of one component at a time.

    Attributes:
        source: The chunk.
        row: The place in it.
    """

    source: Loaded
    row: int


def latest_at(loaded: Iterable[Loaded], timeline: str, time: int) -> dict[str, dict[str, BatchValues]]:
    """What held at a time: by entity path and component, the instances of the cells of :func:`latest_cells`."""
    state: dict[str, dict[str, BatchValues]] = {}
    for (path, id_), (source, row) in latest_cells(loaded, timeline, time).items():
        state.setdefault(path, {})[id_] = source.chunk.columns[id_].batch(row)
    return state


def latest_cells(loaded: Iterable[Loaded], timeline: str, time: int) -> dict[tuple[str, str], Cell]:
    """By entity path and component, the last row at or before a time.

    Ties go to the greater row id. A static row overrides all others of its component. A ``Clear`` hides what is
    before it, of its entity and, where it is recursive, of those below; it does not hide static rows.
    """
    best: dict[tuple[str, str], tuple[_Key, Column, int]] = {}
    sources: dict[tuple[str, str], Loaded] = {}
    for each in loaded:
        chunk = each.chunk
        row = _last_row(chunk, timeline, time)
        if row is None:
            continue
        key = _key(each, timeline, row)
        for id_, column in chunk.columns.items():
            held = best.get((chunk.entity_path, id_))
            if held is None or key > held[0]:
                best[chunk.entity_path, id_] = (key, column, row)
                sources[chunk.entity_path, id_] = each
    clears = {path: found for (path, id_), found in best.items() if id_ == _CLEAR}
    return {
        (path, id_): Cell(sources[path, id_], row)
        for (path, id_), (key, _, row) in best.items()
        if id_ != _CLEAR and not any(_hides(clear, key, path, at) for at, clear in clears.items())
    }


_Key: TypeAlias = "tuple[bool, int, int, int]"


def _key(each: Loaded, timeline: str, row: int) -> _Key:
    chunk = each.chunk
    time = 0 if chunk.is_static else int(chunk.timelines[timeline][1][row])
    return chunk.is_static, time, each.writer_rank, int(chunk.row_numbers[row])


def _hides(clear: tuple[_Key, Column, int], key: _Key, path: str, cleared: str) -> bool:
    """Whether a ``Clear`` of the path ``cleared`` hides what ``path`` has from the row with that key."""
    if key[0] or key >= clear[0]:
        return False
    if path == cleared:
        return True
    below = cleared == "/" or path.startswith(cleared + "/")
    return below and bool(np.any(np.asarray(clear[1].batch(clear[2]), np.bool_)))


def _last_row(chunk: Chunk, timeline: str, time: int) -> int | None:
    """The last row at or before a time; of several at one time, the one with the greatest number."""
    if chunk.is_static:
        return len(chunk) - 1
    if timeline not in chunk.timelines:
        return None
    times = chunk.timelines[timeline][1]
    places = np.flatnonzero(times <= time)
    if not len(places):
        return None
    reached = times[places]
    return int(places[np.flatnonzero(reached == reached.max())[-1]])


def _is_on(chunk: Chunk, timeline: str | None) -> bool:
    return timeline is None or chunk.is_static or timeline in chunk.timelines


def _times(chunk: Chunk, timeline: str | None) -> Array:
    if timeline is None:
        return chunk.row_numbers.astype(np.int64)
    if chunk.is_static:
        return np.full(len(chunk), _STATIC_TIME)
    return chunk.timelines[timeline][1]


def _order(chunks: list[Loaded], timeline: str | None) -> Array | None:
    """How to put the rows of all chunks in order, or ``None`` where they are."""
    lengths = [len(each.chunk) for each in chunks]
    keys = [np.concatenate([each.chunk.row_numbers for each in chunks])]
    if len({each.writer_rank for each in chunks}) > 1:
        keys.append(np.repeat([each.writer_rank for each in chunks], lengths))
    if timeline is not None:
        keys.append(np.concatenate([_times(each.chunk, timeline) for each in chunks]))
        if len({each.chunk.is_static for each in chunks}) > 1:
            keys.append(np.repeat([not each.chunk.is_static for each in chunks], lengths))
    return None if _is_sorted(keys) else np.lexsort(keys)


def _is_sorted(keys: list[Array]) -> bool:
    """Whether rows are in order by the last key, where that is equal by the one before it, and so on."""
    if (keys[-1][1:] > keys[-1][:-1]).all():
        return True
    undecided = np.ones(len(keys[0]) - 1, np.bool_)
    for key in reversed(keys):
        if np.any(undecided & (key[1:] < key[:-1])):
            return False
        undecided &= key[1:] == key[:-1]
    return True


def _ordered(chunks: list[Loaded], timeline: str | None) -> Iterator[tuple[int, int]]:
    """Chunk and row of each row, in order."""
    if not chunks:
        return
    lengths = [len(each.chunk) for each in chunks]
    places = np.repeat(np.arange(len(chunks)), lengths)
    rows = np.concatenate([np.arange(length) for length in lengths])
    order = _order(chunks, timeline)
    if order is not None:
        places, rows = places[order], rows[order]
    yield from zip(places.tolist(), rows.tolist(), strict=True)


def _block(columns: list[Column], rows: list[int]) -> Array | None:
    """All values as one array, if they have one shape."""
    first = columns[0]
    if first.descriptor.dtype not in NUMERIC_DTYPES or first.lengths is not None or not isinstance(first.counts, int):
        return None
    kind = (first.counts, first.descriptor.dtype, first.descriptor.shape)
    for column in columns:
        if not isinstance(column.counts, int) or kind != (
            column.counts,
            column.descriptor.dtype,
            column.descriptor.shape,
        ):
            return None
    values = first.values if len(columns) == 1 else np.concatenate([column.values for column in columns])
    return values.reshape(sum(rows), first.counts, *first.values.shape[1:])
