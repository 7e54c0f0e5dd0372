"""Joining: chunks of one layout made one, and rows picked from a chunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column

__all__ = ["join_chunks", "layout_of", "rows_of"]

Array: TypeAlias = "np.ndarray[Any, Any]"


def layout_of(chunk: Chunk) -> tuple[Any, ...]:
    """Equal for chunks whose rows can lie in one frame; static rows of two entities cannot."""
    kinds = tuple((name, kind) for name, (kind, _) in chunk.timelines.items())
    descriptors = tuple(column.descriptor for column in chunk.columns.values())
    return chunk.is_static, chunk.entity_path if chunk.is_static else "", kinds, descriptors


def join_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """The rows of all chunks, one after another, as one: a bundle if they are of several entities.

    Args:
        chunks: At least one, none a bundle; of one layout. Those of one entity follow one another, each with greater
            row numbers than the one before.
    """
    first = chunks[0]
    if len(chunks) == 1:
        return first
    rows = [len(chunk) for chunk in chunks]
    numbers = np.concatenate([chunk.row_numbers for chunk in chunks])
    timelines = {
        name: (kind, np.concatenate([chunk.timelines[name][1] for chunk in chunks]))
        for name, (kind, _) in first.timelines.items()
    }
    columns = {id_: _join_columns([chunk.columns[id_] for chunk in chunks], rows) for id_ in first.columns}
    runs: list[Run] = []
    for chunk in chunks:
        if runs and runs[-1].entity_path == chunk.entity_path:
            runs[-1] = Run(chunk.entity_path, runs[-1].row_count + len(chunk))
        else:
            runs.append(Run(chunk.entity_path, len(chunk)))
    if len(runs) > 1:
        return Bundle(tuple(runs), numbers, timelines, columns)
    return Chunk(first.entity_path, numbers, timelines, columns, first.is_static)


def rows_of(chunk: Chunk, mask: Array) -> Chunk | None:
    """The rows of a chunk of one entity that a mask, bool ``(rows,)``, keeps; ``None`` where it keeps none."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    runs = [chunk.slice(start, stop) for start, stop in edges.reshape(-1, 2).tolist()]
    return join_chunks(runs) if runs else None


def _join_columns(columns: list[Column], rows: list[int]) -> Column:
    first = columns[0]
    lengths = None
    if first.lengths is not None:
        totals = [_total(column.counts, count) for column, count in zip(columns, rows, strict=True)]
        lengths = _join_sizes([column.lengths for column in columns], totals, np.uint64)
    return Column(
        first.descriptor,
        _join_sizes([column.counts for column in columns], rows, np.uint32),
        np.concatenate([column.values for column in columns]),
        lengths,
        None if first.tensors is None else tuple(layout for column in columns for layout in column.tensors or ()),
        None if first.structs is None else [struct for column in columns for struct in column.structs or ()],
    )


def _total(sizes: int | Array, count: int) -> int:
    return int(sizes.sum()) if isinstance(sizes, np.ndarray) else sizes * count


def _join_sizes(sizes: list[Any], counts: list[int], dtype: type) -> int | Array:
    """One number where all are the same, else an array."""
    used = [(each, count) for each, count in zip(sizes, counts, strict=True) if count]
    if not used:
        return 0
    if all(not isinstance(each, np.ndarray) for each, _ in used) and len({each for each, _ in used}) == 1:
        return int(used[0][0])
    return np.concatenate([np.broadcast_to(np.asarray(each, dtype), count) for each, count in used])
