"""Tables: a recording as a pyarrow table, and as data frames made from it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import NUMERIC_DTYPES
from asyncrr.extras import imported
from asyncrr.query import Loaded

__all__ = ["stream", "to_arrow", "to_pandas", "to_polars"]

Array: TypeAlias = "np.ndarray[Any, Any]"


def to_arrow(loaded: list[Loaded], metadata: Mapping[str, str] | None = None) -> Any:
    """Rows as a table, as :func:`stream` lays it out.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    return stream(lambda: loaded, metadata).read_all()


def stream(load: Callable[[], Iterable[Loaded]], metadata: Mapping[str, str] | None = None) -> Any:
    """Rows as a ``pyarrow.RecordBatchReader``, one row for each row of the recording.

    The columns are ``entity_path``, ``writer_id``, ``row_number``, ``is_static``; then each timeline by its name
    (int64, a duration or a timestamp in UTC, by its kind); then each component by its id, a list of instances per row:
    numbers (float16 as float32, which more readers know), nested lists for their dimensions, strings, and structs and
    tensors as mappings. What a row does not have is null. A component whose types cannot be brought together is a list
    of JSON texts. Where two of these have one name, the timeline is called ``timeline:NAME`` and the component
    ``component:NAME``.

    Args:
        load: Gives the chunks, twice: for the types, and for the values.
        metadata: Of the schema.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = imported("pyarrow", "arrow")
    types: dict[_Key, Any] = {(_FIXED, name): kind for name, kind in _fixed_types(arrow).items()}
    for each in load():
        for key, array in _columns(arrow, each).items():
            types[key] = _unified(arrow, key, types[key], array.type) if key in types else array.type
    ordered = dict(sorted(types.items(), key=lambda item: item[0][0]))
    schema = arrow.schema(
        [
            (_name(key, ordered), arrow.large_list(arrow.string()) if kind is None else kind)
            for key, kind in ordered.items()
        ],
        metadata=None if metadata is None else dict(metadata),
    )

    def batches() -> Iterator[Any]:
        for each in load():
            columns = _columns(arrow, each)
            rows = len(each.chunk)
            arrays = [
                _conformed(arrow, columns.get(key), rows, field.type)
                for key, field in zip(ordered, schema, strict=True)
            ]
            yield arrow.record_batch(arrays, schema=schema)

    return arrow.RecordBatchReader.from_batches(schema, batches())


_Key: TypeAlias = "tuple[int, str]"
_FIXED, _TIMELINE, _COMPONENT = range(3)


def _fixed_types(arrow: Any) -> dict[str, Any]:
    return {
        "entity_path": arrow.string(),
        "writer_id": arrow.string(),
        "row_number": arrow.uint64(),
        "is_static": arrow.bool_(),
    }


def _name(key: _Key, keys: Iterable[_Key]) -> str:
    kind, name = key
    is_taken = any((other, name) in keys for other in range(kind))
    return f"{('', 'timeline:', 'component:')[kind]}{name}" if is_taken else name


def _unified(arrow: Any, key: _Key, one: Any, other: Any) -> Any:
    """A type for both; ``None`` means JSON texts."""
    if one is None or one == other:
        return one
    try:
        schemas = [arrow.schema([("x", kind)]) for kind in (one, other)]
        return arrow.unify_schemas(schemas, promote_options="permissive").field("x").type
    except (arrow.ArrowInvalid, arrow.ArrowTypeError):
        return arrow.int64() if key[0] == _TIMELINE else None


def _conformed(arrow: Any, array: Any, rows: int, kind: Any) -> Any:
    """A column of the type that all have."""
    if array is None:
        return arrow.nulls(rows, kind)
    if array.type == kind:
        return array
    try:
        return array.cast(kind)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError, arrow.ArrowNotImplementedError):
        values = array.to_pylist()
    if kind == arrow.large_list(arrow.string()):
        values = [
            [text if isinstance(text, str) else json.dumps(text, default=_as_text) for text in row] for row in values
        ]
    return arrow.array(values, kind)


def _as_text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def to_pandas(loaded: list[Loaded]) -> Any:
    """Rows as a ``pandas.DataFrame``, from :func:`to_arrow`.

    Raises:
        MissingExtraError: pandas or pyarrow is not installed.
    """
    imported("pandas", "pandas")
    return to_arrow(loaded).to_pandas()


def to_polars(loaded: list[Loaded]) -> Any:
    """Rows as a ``polars.DataFrame``, from :func:`to_arrow`.

    Raises:
        MissingExtraError: polars or pyarrow is not installed.
    """
    return imported("polars", "polars").from_arrow(to_arrow(loaded))


def _columns(arrow: Any, loaded: Loaded) -> dict[_Key, Any]:
    """What one chunk has."""
    chunk = loaded.chunk
    rows = len(chunk)
    columns = {
        (_FIXED, "entity_path"): arrow.repeat(arrow.scalar(chunk.entity_path, arrow.string()), rows),
        (_FIXED, "writer_id"): arrow.repeat(arrow.scalar(loaded.writer_id, arrow.string()), rows),
        (_FIXED, "row_number"): arrow.array(chunk.row_numbers),
        (_FIXED, "is_static"): arrow.array(np.full(rows, chunk.is_static)),
    }
    types = {"duration": arrow.duration("ns"), "timestamp": arrow.timestamp("ns", "UTC")}
    for name, (kind, times) in chunk.timelines.items():
        numbers = arrow.array(times)
        columns[_TIMELINE, name] = numbers.cast(types[kind]) if kind in types else numbers
    for id_, column in chunk.columns.items():
        columns[_COMPONENT, id_] = _lists(arrow, chunk, column)
    return columns


def _lists(arrow: Any, chunk: Chunk, column: Column) -> Any:
    """A list of instances for each row."""
    rows = len(chunk)
    if column.descriptor.dtype in NUMERIC_DTYPES:
        total = rows * column.counts if isinstance(column.counts, int) else int(column.counts.sum())
        shape = column.descriptor.shape
        values = column.values.astype(np.float32) if column.values.dtype == np.float16 else column.values
        instances = _nested(arrow, arrow.array(values.reshape(-1)), values.shape[1:])
        if shape[:1] == (None,):
            assert column.lengths is not None
            instances = arrow.LargeListArray.from_arrays(_offsets(column.lengths, total), instances)
        return arrow.LargeListArray.from_arrays(_offsets(column.counts, rows), instances)
    batches: list[list[Any]] = [list(column.batch(row)) for row in range(rows)]
    if column.descriptor.dtype == "str":
        return arrow.array(batches, arrow.large_list(arrow.string()))
    if column.tensors is not None:
        batches = [[_mapping(tensor) for tensor in batch] for batch in batches]
    try:
        found = arrow.array(batches)
        if _is_storable(arrow, found.type):
            return found
    except (arrow.ArrowInvalid, arrow.ArrowTypeError):  # mappings that are not alike
        pass
    texts = [[json.dumps(struct, default=_as_text) for struct in batch] for batch in batches]
    return arrow.array(texts, arrow.large_list(arrow.string()))


def _is_storable(arrow: Any, kind: Any) -> bool:
    """Whether Parquet has that type: it knows no structs without a field."""
    if arrow.types.is_struct(kind):
        return kind.num_fields > 0 and all(
            _is_storable(arrow, kind.field(place).type) for place in range(kind.num_fields)
        )
    return not hasattr(kind, "value_type") or _is_storable(arrow, kind.value_type)


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
