"""Chunks of many rows that are given as columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentBatch, ComponentColumn, ComponentDescriptor
from asyncrr.errors import DataError
from asyncrr.rows import CALL_SHIFT, snapshot
from asyncrr.timelines import TimeColumn

__all__ = ["chunks_of"]

_CHUNK_BYTES = 4 * 2**20
_ANY = ComponentDescriptor("any", "struct")


def chunks_of(path: str, indexes: list[TimeColumn], columns: list[Any], next_call: Callable[[], int]) -> list[Chunk]:
    """The rows as chunks of a few MiB.

    Args:
        path: A canonical entity path.
        indexes: The rows' times; none for static rows.
        columns: What an archetype's ``columns(...)`` returns.
        next_call: Gives the rows' numbers.

    Raises:
        DataError: The lengths differ, or there are no columns.
    """
    batches: list[ComponentColumn] = [
        each for column in columns for each in ([column] if isinstance(column, ComponentColumn) else column)
    ]
    if not batches:
        raise DataError("send_columns: no columns are given")
    lengths = {f"index {index.timeline!r}": len(index.values) for index in indexes}
    lengths |= {column.descriptor.id: column.row_count for column in batches}
    if len(set(lengths.values())) > 1:
        raise DataError(f"send_columns: every column needs as many rows as every index, got {lengths}")
    rows = next(iter(lengths.values()))
    if rows == 0:
        return []
    stored = {column.descriptor.id: _stored(column) for column in batches}
    numbers = np.empty(rows, np.uint64)
    for start in range(0, rows, 2**CALL_SHIFT):
        part = numbers[start : start + 2**CALL_SHIFT]
        part[:] = np.arange(len(part), dtype=np.uint64) + np.uint64(next_call() << CALL_SHIFT)
    timelines = {index.timeline: (index.kind, index.values) for index in indexes}  # nobody can change those
    whole = Chunk(path, numbers, timelines, stored, not indexes)
    per_chunk = max(1, min(2**CALL_SHIFT, _CHUNK_BYTES * rows // max(1, whole.nbytes)))
    return [whole.slice(start, min(rows, start + per_chunk)) for start in range(0, rows, per_chunk)]


def _stored(column: ComponentColumn) -> Column:
    values = column.values
    if not column.is_owned:
        return Column.from_parts(column.descriptor, _own(values), column.lengths)
    return Column.from_parts(column.descriptor, values, column.lengths)


def _own(values: Any) -> Any:
    (batch,), _ = snapshot([ComponentBatch(_ANY, values, False)])
    return batch.values
