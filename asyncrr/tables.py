"""Tables: a recording as a pyarrow table, and as data frames made from it."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk, Column
from asyncrr.components import NUMERIC_DTYPES
from asyncrr.errors import MissingExtraError
from asyncrr.query import Loaded

__all__ = ["to_arrow", "to_pandas", "to_polars"]

Array: TypeAlias = "np.ndarray[Any, Any]"


def to_arrow(loaded: list[Loaded]) -> Any:
    """Rows as a table, one for each row of the recording.

    The columns are ``entity_path``, ``writer_id``, ``row_number``, ``is_static``; then each timeline by its name
    (int64, a duration or a timestamp in UTC, by its kind); then each component by its id, a list of instances per row:
    numbers, nested lists for their dimensions, strings, and structs and tensors as mappings where they are alike. What
    a row does not have is null.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = _imported("pyarrow", "arrow")
    tables = [_table(arrow, each) for each in loaded]
    if not tables:
        return arrow.table({"entity_path": [], "writer_id": [], "row_number": [], "is_static": []})
    return arrow.concat_tables(tables, promote_options="permissive")


def to_pandas(loaded: list[Loaded]) -> Any:
    """Rows as a ``pandas.DataFrame``, from :func:`to_arrow`.

    Raises:
        MissingExtraError: pandas or pyarrow is not installed.
    """
    _imported("pandas", "pandas")
    return to_arrow(loaded).to_pandas()


def to_polars(loaded: list[Loaded]) -> Any:
    """Rows as a ``polars.DataFrame``, from :func:`to_arrow`.

    Raises:
        MissingExtraError: polars or pyarrow is not installed.
    """
    return _imported("polars", "polars").from_arrow(to_arrow(loaded))


def _imported(package: str, extra: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingExtraError(package, extra) from error


def _table(arrow: Any, loaded: Loaded) -> Any:
    chunk = loaded.chunk
    rows = len(chunk)
    columns = {
        "entity_path": arrow.array([chunk.entity_path] * rows),
        "writer_id": arrow.array([loaded.writer_id] * rows),
        "row_number": arrow.array(chunk.row_numbers),
        "is_static": arrow.array(np.full(rows, chunk.is_static)),
    }
    types = {"duration": arrow.duration("ns"), "timestamp": arrow.timestamp("ns", "UTC")}
    for name, (kind, times) in chunk.timelines.items():
        columns[name] = arrow.array(times).cast(types[kind]) if kind in types else arrow.array(times)
    for id_, column in chunk.columns.items():
        columns[id_] = _lists(arrow, chunk, column)
    return arrow.table(columns)


def _lists(arrow: Any, chunk: Chunk, column: Column) -> Any:
    """A list of instances for each row."""
    rows = len(chunk)
    if column.descriptor.dtype in NUMERIC_DTYPES:
        total = rows * column.counts if isinstance(column.counts, int) else int(column.counts.sum())
        shape = column.descriptor.shape
        values = column.values
        instances = _nested(arrow, arrow.array(values.reshape(-1)), values.shape[1:])
        if shape[:1] == (None,):
            assert column.lengths is not None
            instances = arrow.LargeListArray.from_arrays(_offsets(column.lengths, total), instances)
        return arrow.LargeListArray.from_arrays(_offsets(column.counts, rows), instances)
    if column.tensors is None:
        return arrow.array([column.batch(row) for row in range(rows)])
    return arrow.array([[_mapping(tensor) for tensor in column.batch(row)] for row in range(rows)])


def _nested(arrow: Any, values: Any, shape: tuple[int, ...]) -> Any:
    """Flat values as fixed lists within one another, one for each dimension."""
    for length in reversed(shape):
        values = arrow.FixedSizeListArray.from_arrays(values, length)
    return values


def _offsets(sizes: int | Array, count: int) -> Array:
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.broadcast_to(sizes, count), dtype=np.int64, out=offsets[1:])
    return offsets


def _mapping(tensor: Any) -> dict[str, Any]:
    buffer = tensor.buffer
    names = list(tensor.names) if tensor.names is not None else None
    return {"dtype": buffer.dtype.name, "shape": list(buffer.shape), "names": names, "buffer": buffer.tobytes()}
