"""Rerun's record batches: chunks as Rerun lays them out in Arrow, and back again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.columns import Column, TensorLayout
from asyncrr.components import NUMERIC_DTYPES, ComponentDescriptor
from asyncrr.extras import imported
from asyncrr.interop.text import plain
from asyncrr.paths import entity_path_of

__all__ = ["chunks_from", "record_batch", "row_ids_of"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_ROW_ID = "rerun.controls.RowId"
_TUID = np.dtype([("time", ">u8"), ("count", ">u8")])
_ARCHETYPES = "rerun.archetypes."
_TENSOR_TYPES = (
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
)
_BY_NAME = {f"{name[0].upper()}{name.lstrip('uintfloa')}": name for name in _TENSOR_TYPES}
"""The variants of Rerun's tensor buffers; one without a value comes before them."""


def record_batch(chunk: Chunk, base: int) -> Any:
    """A chunk as a record batch that ``rerun.chunk.Chunk.from_record_batch`` takes as it is.

    Args:
        chunk: The rows.
        base: Stands for the writer in the first half of row and chunk ids; the second half is the row's number.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = imported("pyarrow", "rerun")
    ids = np.empty(len(chunk), _TUID)
    ids["time"], ids["count"] = base, chunk.row_numbers
    row_ids = arrow.Array.from_buffers(arrow.binary(16), len(chunk), [None, arrow.py_buffer(ids.tobytes())])
    about = {"ARROW:extension:name": "rerun.datatypes.TUID", "ARROW:extension:metadata": '{"namespace":"row"}'}
    fields = [arrow.field(_ROW_ID, arrow.binary(16), False, {**about, "rerun:kind": "control"})]
    arrays = [row_ids]
    types = {"duration": arrow.duration("ns"), "timestamp": arrow.timestamp("ns")}
    for name, (kind, times) in chunk.timelines.items():
        arrays.append(arrow.array(times).cast(types.get(kind, arrow.int64())))
        fields.append(arrow.field(name, arrays[-1].type, True, {"rerun:kind": "index", "rerun:index_name": name}))
    for id_, column in chunk.columns.items():
        arrays.append(_lists(arrow, column, len(chunk)))
        fields.append(arrow.field(id_, arrays[-1].type, True, _description(column.descriptor)))
    path = chunk.entity_path if chunk.entity_path.startswith("/") else f"/{chunk.entity_path}"
    metadata = {"rerun:id": f"chunk_{ids[0].tobytes().hex()}", "rerun:entity_path": path}
    return arrow.RecordBatch.from_arrays(arrays, schema=arrow.schema(fields, metadata))


def _description(descriptor: ComponentDescriptor) -> dict[str, str]:
    archetype, _, _ = descriptor.id.rpartition(":")
    found = {"rerun:kind": "data", "rerun:component": descriptor.id}
    if archetype:
        is_theirs = (descriptor.component_type or "").startswith("rerun.")
        found["rerun:archetype"] = f"{_ARCHETYPES}{archetype}" if is_theirs else archetype
    if descriptor.component_type is not None:
        found["rerun:component_type"] = descriptor.component_type
    return found


def _lists(arrow: Any, column: Column, rows: int) -> Any:
    """A list of instances for each row."""
    instances = _instances(arrow, column, rows)
    return arrow.ListArray.from_arrays(_offsets(column.counts, rows), instances)


def _instances(arrow: Any, column: Column, rows: int) -> Any:
    descriptor = column.descriptor
    if descriptor.dtype in NUMERIC_DTYPES:
        values = arrow.array(column.values.reshape(-1))
        for length in reversed(column.values.shape[1:]):
            kind = arrow.list_(arrow.field("item", values.type, False), length)
            values = arrow.FixedSizeListArray.from_arrays(values, type=kind)
        if column.lengths is None:
            return values
        offsets = _offsets(column.lengths, _total(column.counts, rows))
        return arrow.ListArray.from_arrays(offsets, values, type=arrow.list_(arrow.field("item", values.type, False)))
    if descriptor.dtype == "str":
        return arrow.array(column.strings(0, _total(column.counts, rows)), arrow.string())
    if column.tensors is not None:
        return _tensors(arrow, [tensor for row in range(rows) for tensor in column.batch(row)], column.tensors)
    structs = column.structs or []
    kind = _struct_types(arrow).get(descriptor.component_type or "")
    if kind is not None:
        return arrow.array(structs, kind)
    try:
        found = arrow.array(structs)
        if not arrow.types.is_null(found.type):
            return found
    except (arrow.ArrowInvalid, arrow.ArrowTypeError):  # mappings that are not alike
        pass
    return arrow.array([json.dumps(plain(struct)) for struct in structs], arrow.string())


def _struct_types(arrow: Any) -> dict[str, Any]:
    """The components of Rerun's that are structs."""

    def field(name: str, kind: Any, is_nullable: bool = False) -> Any:
        return arrow.field(name, kind, is_nullable)

    def many(kind: Any) -> Any:
        return arrow.list_(field("item", kind))

    u8, u16, u32, text = arrow.uint8(), arrow.uint16(), arrow.uint32(), arrow.string()
    info = arrow.struct([field("id", u16), field("label", text, True), field("color", u32, True)])
    joint = arrow.struct([field("keypoint0", u16), field("keypoint1", u16)])
    described = arrow.struct(
        [field("info", info), field("keypoint_annotations", many(info)), field("keypoint_connections", many(joint))]
    )
    axis = arrow.list_(field("item", arrow.float32()), 3)
    forms = [field(name, u8, True) for name in ("pixel_format", "color_model", "channel_datatype")]
    return {
        "rerun.components.AnnotationContext": many(
            arrow.struct([field("class_id", u16), field("class_description", described)])
        ),
        "rerun.components.GraphEdge": arrow.struct([field("first", text), field("second", text)]),
        "rerun.components.ImageFormat": arrow.struct([field("width", u32), field("height", u32), *forms]),
        "rerun.components.RotationAxisAngle": arrow.struct([field("axis", axis), field("angle", arrow.float32())]),
    }


def _tensors(arrow: Any, tensors: list[Any], layouts: tuple[TensorLayout, ...]) -> Any:
    """Tensors as Rerun has them: a shape, names, and a buffer that is a union of lists of all number types."""
    values = [tensor.buffer.reshape(-1) for tensor in tensors]
    kinds = ["uint8" if layout.dtype == "bool" else layout.dtype for layout in layouts]
    codes = np.array([1 + list(_BY_NAME.values()).index(kind) for kind in kinds], np.int8)
    places = np.zeros(len(layouts), np.int32)
    children = [arrow.nulls(0)]
    fields = [arrow.field("_null_markers", arrow.null())]
    for code, (variant, kind) in enumerate(_BY_NAME.items(), 1):
        mine = np.flatnonzero(codes == code)
        places[mine] = np.arange(len(mine))
        parts = [values[place].view(np.uint8) if values[place].dtype == np.bool_ else values[place] for place in mine]
        flat = arrow.array(np.concatenate(parts) if parts else np.empty(0, kind))
        of_kind = arrow.list_(arrow.field("item", flat.type, False))
        offsets = arrow.array(np.cumsum([0, *map(len, parts)], dtype=np.int32))
        children.append(arrow.ListArray.from_arrays(offsets, flat, type=of_kind))
        fields.append(arrow.field(variant, of_kind, False))
    buffers = [None, arrow.py_buffer(codes), arrow.py_buffer(places)]
    union = arrow.dense_union(fields, list(range(len(fields))))
    buffer = arrow.UnionArray.from_buffers(union, len(layouts), buffers, children=children)
    shape = arrow.list_(arrow.field("item", arrow.uint64(), False))
    names = arrow.list_(arrow.field("item", arrow.string(), False))
    return arrow.StructArray.from_arrays(
        [
            arrow.array([list(layout.shape) for layout in layouts], shape),
            arrow.array([None if layout.names is None else list(layout.names) for layout in layouts], names),
            buffer,
        ],
        fields=[arrow.field("shape", shape, False), arrow.field("names", names), arrow.field("buffer", union)],
    )


def _total(sizes: int | Array, count: int) -> int:
    return int(sizes.sum()) if isinstance(sizes, np.ndarray) else sizes * count


def _offsets(sizes: int | Array, count: int) -> Array:
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.broadcast_to(sizes, count), out=offsets[1:])
    return offsets


def row_ids_of(batch: Any) -> Array:
    """The row ids of a record batch, as pairs of uint64, ``(rows, 2)``."""
    (place,) = [at for at, field in enumerate(batch.schema) if (field.metadata or {}).get(b"rerun:kind") == b"control"]
    raw = batch.column(place)
    start = raw.offset * 16
    pairs = np.frombuffer(raw.buffers()[1], ">u8")[start // 8 : start // 8 + 2 * len(raw)]
    return pairs.astype(np.uint64).reshape(-1, 2)


def chunks_from(batch: Any, number: Callable[[Array], Array]) -> Iterator[Chunk]:
    """The rows of a record batch, as a chunk for each set of timelines and components that rows have.

    Args:
        batch: As Rerun gives it.
        number: Gives the writer's numbers of rows, of their row ids.
    """
    arrow = imported("pyarrow", "rerun")
    path = entity_path_of((batch.schema.metadata or {}).get(b"rerun:entity_path", b"/").decode("utf-8", "replace"))
    numbers = number(row_ids_of(batch))
    order = np.argsort(numbers, kind="stable")
    if not (order == np.arange(len(order))).all():
        batch, numbers = batch.take(arrow.array(order)), numbers[order]
    columns = [(field, batch.column(place)) for place, field in enumerate(batch.schema) if _kind(field) != "control"]
    present = np.ones((len(columns), batch.num_rows), np.bool_)
    for place, (_, column) in enumerate(columns):
        present[place] = column.is_valid().to_numpy(zero_copy_only=False)
    patterns = np.unique(present, axis=1).T if present.size else np.ones((min(1, batch.num_rows), 0), np.bool_)
    for pattern in patterns:
        rows = np.flatnonzero((present == pattern[:, None]).all(axis=0))
        own = [(field, column) for (field, column), is_there in zip(columns, pattern, strict=True) if is_there]
        if len(rows) < batch.num_rows:
            own = [(field, column.take(arrow.array(rows))) for field, column in own]
        timelines = dict(_timeline(arrow, field, column) for field, column in own if _kind(field) == "index")
        found = [_column(arrow, field, column) for field, column in own if _kind(field) == "data"]
        yield Chunk(path, numbers[rows], timelines, {one.descriptor.id: one for one in found}, not timelines)


def _kind(field: Any) -> str:
    return str((field.metadata or {}).get(b"rerun:kind", b"data").decode())


def _timeline(arrow: Any, field: Any, column: Any) -> tuple[str, tuple[str, Array]]:
    name = (field.metadata or {}).get(b"rerun:index_name", field.name.encode()).decode("utf-8", "replace")
    is_time, is_span = arrow.types.is_timestamp(field.type), arrow.types.is_duration(field.type)
    kind = "timestamp" if is_time else "duration" if is_span else "sequence"
    return name, (kind, column.cast(arrow.int64()).to_numpy(zero_copy_only=False).astype(np.int64))


def _column(arrow: Any, field: Any, column: Any) -> Column:
    metadata = field.metadata or {}
    id_ = metadata.get(b"rerun:component", field.name.encode()).decode("utf-8", "replace")
    told = metadata.get(b"rerun:component_type")
    component_type = None if told is None else told.decode("utf-8", "replace")
    if arrow.types.is_list(column.type) or arrow.types.is_large_list(column.type):
        counts = _even(np.diff(column.offsets.to_numpy(zero_copy_only=False)), np.uint32)
        values = column.flatten()
    else:
        counts, values = 1, column
    kind = values.type
    shape: list[int | None] = []
    if arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind):
        values = values.cast(arrow.large_binary())
        values = arrow.LargeListArray.from_arrays(_binary_offsets(values), _binary_bytes(arrow, values))
        kind = values.type
    lengths: int | Array | None = None
    inner = values
    if not values.null_count and (arrow.types.is_list(kind) or arrow.types.is_large_list(kind)):
        lengths = _even(np.diff(values.offsets.to_numpy(zero_copy_only=False)), np.uint64)
        shape.append(None)
        inner = values.flatten()
    while arrow.types.is_fixed_size_list(inner.type) and not inner.null_count:
        shape.append(inner.type.list_size)
        inner = inner.flatten()
    dtype = str(inner.type).replace("halffloat", "float16").replace("double", "float64")
    dtype = "float32" if dtype == "float" else dtype
    if dtype in NUMERIC_DTYPES and not inner.null_count:
        numbers = inner.to_numpy(zero_copy_only=False)
        numbers = numbers.reshape(-1, *[length for length in shape if length is not None])
        return Column(ComponentDescriptor(id_, dtype, tuple(shape), component_type), counts, numbers, lengths)
    items = values.to_pylist() if component_type != "rerun.components.TensorData" else []
    if component_type == "rerun.components.TensorData":
        return _tensor_column(ComponentDescriptor(id_, "tensor", (), component_type), counts, values)
    if arrow.types.is_string(kind) or arrow.types.is_large_string(kind):
        batches = _shared([item or "" for item in items], counts, len(column))
        return Column.from_batches(ComponentDescriptor(id_, "str", (), component_type), batches, len(column))
    structs = [item if isinstance(item, dict | list) else {"value": plain(item)} for item in items]
    return Column(
        ComponentDescriptor(id_, "struct", (), component_type), counts, np.empty(0, np.uint8), structs=structs
    )


def _binary_offsets(values: Any) -> Array:
    return np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values) + 1]


def _binary_bytes(arrow: Any, values: Any) -> Any:
    return arrow.array(np.frombuffer(values.buffers()[2] or b"", np.uint8))


def _even(sizes: Array, dtype: type) -> int | Array:
    """One number where all are the same, else an array."""
    if not len(sizes):
        return 0
    return int(sizes[0]) if (sizes == sizes[0]).all() else sizes.astype(dtype)


def _shared(items: list[str], counts: int | Array, rows: int) -> list[Any]:
    ends = np.cumsum(np.broadcast_to(counts, rows)).tolist()
    return [items[low:high] for low, high in zip([0, *ends], ends, strict=False)]


def _tensor_column(descriptor: ComponentDescriptor, counts: int | Array, values: Any) -> Column:
    layouts, parts = [], []
    union = values.field("buffer")
    for place in range(len(values)):
        variant = union.type.field(union.type_codes[place].as_py()).name
        dtype = _BY_NAME.get(variant, "uint8")
        numbers = np.array(union[place].as_py() or [], dtype)
        names = values.field("names")[place].as_py()
        shape = tuple(values.field("shape")[place].as_py())
        layouts.append(TensorLayout(dtype, shape, None if names is None else tuple(names)))
        raw = numbers.view(np.uint8)
        parts += [raw, np.zeros(-raw.size & 7, np.uint8)]
    return Column(descriptor, counts, np.concatenate(parts) if parts else np.empty(0, np.uint8), tensors=tuple(layouts))
