"""Chunk frames: a chunk as bytes, back again, or just what its head tells."""

from __future__ import annotations

from itertools import chain, groupby
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column, TensorLayout
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import CorruptError, DataError
from asyncrr.wire.arrays import DTYPES, BodyReader, BodyWriter, number_span, total_of
from asyncrr.wire.framing import CRITICAL, FRAME_HEADER_BYTES, KIND_CHUNK, Frame, RawFrame, parse_header, seal
from asyncrr.wire.limits import (
    MAX_COLUMNS,
    MAX_DIMENSIONS,
    MAX_EMPTY_ELEMENTS,
    MAX_EMPTY_INSTANCES,
    MAX_ENTITIES,
    MAX_INT64,
    MAX_NAME_LENGTH,
    MAX_PATH_LENGTH,
    MAX_ROWS,
    MAX_TIMELINES,
    max_expansion,
)
from asyncrr.wire.packing import pack, pack_head, read_bool, read_int, read_list, read_map, read_str, unpack, unpack_map

__all__ = ["ChunkSummary", "decode_chunk", "encode_chunk", "summary_of", "summary_of_chunk"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_OTHER_KINDS = ("str", "struct", "tensor")
_KINDS = ("sequence", "duration", "timestamp")
_UINT8 = np.dtype(np.uint8)


class ChunkSummary(NamedTuple):
    """What the head of a chunk frame tells.

    Attributes:
        entity_path: Of the entity; empty for several.
        row_count: Rows, at least one.
        first_row: The least of the writer's numbers of the rows.
        last_row: The greatest.
        is_static: The rows have no time.
        timelines: By name: kind, least and greatest time.
        components: Their ids.
        runs: The entities, where there are several.
    """

    entity_path: str
    row_count: int
    first_row: int
    last_row: int
    is_static: bool
    timelines: dict[str, tuple[str, int, int]]
    components: tuple[str, ...]
    runs: tuple[Run, ...] = ()

    def split(self) -> list[ChunkSummary]:
        """One for each entity; least and greatest numbers remain those of all together."""
        if not self.runs:
            return [self]
        return [self._replace(entity_path=path, row_count=rows, runs=()) for path, rows in self.runs]


def encode_chunk(chunk: Chunk, sequence: int, flags: int = 0, zstd_level: int | None = None) -> Frame:
    """The frame of a chunk. Arrays of more than 64 KiB together are not copied: they must not change any more.

    Args:
        chunk: At least one row.
        sequence: The writer's number of the frame, from 1; 0 where it repeats what another writer numbered.
        flags: ``REPEATED`` where the chunk was in an earlier segment.
        zstd_level: Compress the body. ``None`` does not.

    Raises:
        DataError: It cannot be stored: no row, a value that msgpack cannot hold, or too large for one frame.
        MissingExtraError: There is no zstd here.
    """
    count = len(chunk)
    if not 0 < count <= MAX_ROWS:
        raise DataError(f"a chunk of {count} rows: store from 1 to {MAX_ROWS} at once")
    _prove(chunk)
    body = BodyWriter()
    unfolded = 8 * count * (1 + len(chunk.timelines))
    is_regular = unfolded <= max_expansion(sum(column.values.nbytes for column in chunk.columns.values()))
    numbers = np.asarray(chunk.row_numbers).view(np.int64)
    head: dict[str, Any] = {"n": count}
    if isinstance(chunk, Bundle):
        head["p"] = chunk.runs
        head["r"] = body.add_numbers(numbers, is_regular)
    else:
        head["p"] = chunk.entity_path
        head["r"] = body.add_increasing(numbers, is_regular)
    if chunk.is_static:
        head["s"] = True
    else:
        head["t"] = [
            [name, kind, body.add_numbers(times, is_regular)] for name, (kind, times) in chunk.timelines.items()
        ]
    head["c"] = [_column_head(column, count, body) for column in chunk.columns.values()]
    return seal(KIND_CHUNK, sequence, head, body.parts, flags=flags | CRITICAL, row_count=count, zstd_level=zstd_level)


def decode_chunk(frame: RawFrame) -> Chunk:
    """The chunk of a frame, of one entity or a bundle; its arrays are read-only views of the frame's bytes.

    Raises:
        CorruptError: The frame is whole but does not hold a chunk within the limits.
        MissingExtraError: It is compressed and there is no zstd here.
    """
    try:
        return _decode(frame)
    except CorruptError as error:
        raise CorruptError(error.reason, frame.offset) from error


def summary_of(frame: Frame | RawFrame) -> ChunkSummary:
    """What the head of a chunk frame tells, without its body.

    Raises:
        CorruptError: The head is not that of a chunk.
    """
    if isinstance(frame, RawFrame):
        return summary_of_head(frame.head())
    front = memoryview(frame.buffers[0])
    return summary_of_head(unpack_map(front[FRAME_HEADER_BYTES : FRAME_HEADER_BYTES + parse_header(front).head_length]))


def summary_of_head(head: dict[Any, Any]) -> ChunkSummary:
    """As :func:`summary_of`, of the head alone."""
    count = read_int(head.get("n"), "the number of rows", 1, MAX_ROWS)
    path: Any = head.get("p")
    runs = _read_runs(path, count) if isinstance(path, list) else ()
    path = "" if runs else read_str(path, "the entity path", MAX_PATH_LENGTH)
    first, last = number_span(head.get("r"), count)
    read_int(first, "a row number", 0, MAX_INT64)
    is_static = read_bool(head.get("s", False), "the mark of a static chunk")
    timelines: dict[str, tuple[str, int, int]] = {}
    for item in read_list(head.get("t", []), "the timelines", MAX_TIMELINES):
        kind: Any
        name, kind, form, *_ = [*read_list(item, "a timeline", 8), None, None, None]
        if kind not in _KINDS:
            raise CorruptError("a timeline of a kind that is none")
        timelines[read_str(name, "a timeline's name", MAX_NAME_LENGTH)] = (kind, *number_span(form, count))
    if is_static and (timelines or runs):
        raise CorruptError("a static chunk has timelines or several entities")
    columns = read_list(head.get("c"), "the columns", MAX_COLUMNS)
    ids = tuple(_component_id(read_map(column, "a column")) for column in columns)
    return ChunkSummary(path, count, first, last, is_static, timelines, ids, runs)


def _read_runs(form: list[Any], count: int) -> tuple[Run, ...]:
    runs = []
    for item in read_list(form, "the entities", min(count, MAX_ENTITIES)):
        path, rows, *_ = [*read_list(item, "an entity", 8), None, None]
        runs.append(Run(read_str(path, "an entity path", MAX_PATH_LENGTH), read_int(rows, "rows", 1, count)))
    if sum([run.row_count for run in runs]) != count:
        raise CorruptError(f"the entities do not have {count} rows together")
    return tuple(runs)


def summary_of_chunk(chunk: Chunk) -> ChunkSummary:
    """What the head of this chunk's frame would tell, for a chunk of one entity."""
    timelines = {name: (kind, int(times.min()), int(times.max())) for name, (kind, times) in chunk.timelines.items()}
    first, last = int(chunk.row_numbers[0]), int(chunk.row_numbers[-1])
    return ChunkSummary(chunk.entity_path, len(chunk), first, last, chunk.is_static, timelines, tuple(chunk.columns))


def _column_head(column: Column, rows: int, body: BodyWriter) -> dict[str, Any]:
    descriptor = column.descriptor
    head: dict[str, Any] = {"i": descriptor.id, "d": descriptor.dtype, "n": body.add_sizes(column.counts)}
    if descriptor.shape:
        head["s"] = list(descriptor.shape)
    if descriptor.component_type is not None:
        head["y"] = descriptor.component_type
    values = column.values
    if column.structs is not None:
        if any(not isinstance(struct, dict | list) for struct in column.structs):
            raise DataError(f"{descriptor.id}: a struct is a mapping or a list, nothing else would be read back")
        packed = [pack(struct) for struct in column.structs]
        head["l"] = body.add_sizes(np.array([len(item) for item in packed], np.uint64))
        values = np.frombuffer(b"".join(packed), np.uint8)
    elif column.tensors is not None:
        layouts = pack_head(_runs(column.tensors))
        head["l"] = [len(layouts), body.add(np.frombuffer(layouts, np.uint8))]
    elif column.lengths is not None:
        head["l"] = body.add_sizes(_written_lengths(column.lengths, total_of(column.counts, rows)))
    head["v"] = body.add(values)
    return head


def _written_lengths(lengths: int | Array, total: int) -> int | Array:
    """Equal lengths of 0 are written out where they are so many that a reader refuses the short form."""
    if isinstance(lengths, np.ndarray) or lengths or total <= MAX_EMPTY_INSTANCES:
        return lengths
    return np.zeros(total, np.uint8)


def _runs(layouts: tuple[TensorLayout, ...]) -> list[list[Any]]:
    """Layouts of tensors as runs of equal ones, each ``[tensors, dtype, shape, names or nil]``."""
    return [[len(list(run)), layout.dtype, layout.shape, layout.names] for layout, run in groupby(layouts)]


def _prove(chunk: Chunk) -> None:
    """Hold a chunk against the limits that a reader will."""
    runs = chunk.runs if isinstance(chunk, Bundle) else (Run(chunk.entity_path, len(chunk)),)
    if len(runs) > MAX_ENTITIES:
        raise DataError(f"{chunk.entity_path}: more entities than the {MAX_ENTITIES} that one chunk may have")
    for path, _ in runs:
        if len(path) > MAX_PATH_LENGTH:
            raise DataError(f"an entity path of {len(path)} characters, more than {MAX_PATH_LENGTH}")
    if len(chunk.timelines) > MAX_TIMELINES or len(chunk.columns) > MAX_COLUMNS:
        raise DataError(
            f"{chunk.entity_path}: {len(chunk.timelines)} timelines and {len(chunk.columns)} components, "
            f"more than {MAX_TIMELINES} and {MAX_COLUMNS}"
        )
    for name in chain(chunk.timelines, chunk.columns):
        if len(name) > MAX_NAME_LENGTH:
            raise DataError(f"{chunk.entity_path}: a name of {len(name)} characters, more than {MAX_NAME_LENGTH}")
    for column in chunk.columns.values():
        descriptor = column.descriptor
        try:
            _check_kind(descriptor.id, descriptor.dtype, len(descriptor.shape))
            if column.tensors is not None:
                for layout in set(column.tensors):
                    _check_dimensions(layout.shape)
            elif not column.values.size:
                _check_hollow(column.values.shape)
        except CorruptError as error:
            raise DataError(f"{chunk.entity_path}: {error.reason}, which cannot be stored") from None


def _decode(frame: RawFrame) -> Chunk:
    head = frame.head()
    summary = summary_of_head(head)
    count = summary.row_count
    stored = frame.body(head)
    if 8 * count * (1 + len(summary.timelines)) > max_expansion(len(stored)):
        raise CorruptError(f"{count} rows and {len(summary.timelines)} timelines in {len(stored)} bytes")
    body = BodyReader(stored)
    numbers = body.take_numbers(head["r"], count)
    increases = numbers[1:] > numbers[:-1]
    if summary.runs:
        increases[np.cumsum([run.row_count for run in summary.runs[:-1]], dtype=np.int64) - 1] = True
    if not increases.all():
        raise CorruptError("the row numbers do not increase")
    timelines = {name: (kind, body.take_numbers(form, count)) for name, kind, form, *_ in head.get("t", [])}
    columns = {}
    for id_, column in zip(summary.components, head["c"], strict=True):
        columns[id_] = _read_column(id_, column, count, body)
    if summary.runs:
        return Bundle(summary.runs, numbers.view(np.uint64), timelines, columns)
    return Chunk(summary.entity_path, numbers.view(np.uint64), timelines, columns, summary.is_static)


def _read_column(id_: str, head: dict[Any, Any], rows: int, body: BodyReader) -> Column:
    descriptor = _read_descriptor(id_, head)
    counts = body.take_sizes(head.get("n"), rows, 4)
    total = total_of(counts, rows)
    kind = descriptor.dtype
    if kind == "tensor":
        return _read_tensors(descriptor, counts, total, head, body)
    if kind not in DTYPES:
        lengths = body.take_sizes(head.get("l"), total, 8)
        size = total_of(lengths, total)
        _check_even(lengths, total)
        values = body.take(head.get("v"), size, _UINT8)
        if kind == "str":
            return Column(descriptor, counts, values, lengths)
        return Column(descriptor, counts, values[:0], structs=_read_structs(values, lengths, total))
    dtype = DTYPES[kind]
    if descriptor.shape[:1] != (None,):
        shape = (total, *descriptor.shape)
        return Column(descriptor, counts, _shaped(body, head, shape, dtype))
    lengths = body.take_sizes(head.get("l"), total, 8)
    elements = total_of(lengths, total)
    _check_even(lengths, total)
    return Column(descriptor, counts, _shaped(body, head, (elements, *descriptor.shape[1:]), dtype), lengths)


def _read_descriptor(id_: str, head: dict[Any, Any]) -> ComponentDescriptor:
    kind: Any = head.get("d")
    shape = read_list(head.get("s", []), "a shape", MAX_DIMENSIONS)
    for index, length in enumerate(shape):
        if index or length is not None:
            read_int(length, "a dimension", 0, MAX_INT64)
    _check_kind(id_, kind, len(shape))
    component_type = head.get("y")
    if component_type is not None:
        read_str(component_type, "a component type", MAX_NAME_LENGTH)
    return ComponentDescriptor(id_, kind, tuple(shape), component_type)


def _read_structs(values: Array, lengths: int | Array, total: int) -> list[Any]:
    raw, structs, low = values.tobytes(), [], 0
    for length in lengths.tolist() if isinstance(lengths, np.ndarray) else [lengths] * total:
        struct = unpack(raw[low : low + length])
        if not isinstance(struct, (dict, list)):
            raise CorruptError("a struct is neither a mapping nor a list")
        structs.append(struct)
        low += length
    return structs


def _read_tensors(
    descriptor: ComponentDescriptor, counts: int | Array, total: int, head: dict[Any, Any], body: BodyReader
) -> Column:
    length, offset, *_ = [*read_list(head.get("l"), "the layouts", 8), None, None]
    packed = body.take(offset, read_int(length, "the length of the layouts", 0, MAX_INT64), _UINT8)
    layouts: list[TensorLayout] = []
    size = 0
    for run in read_list(unpack(packed.tobytes()), "the layouts", len(packed)):
        repeats, kind, shape, names, *_ = [*read_list(run, "a layout", 8), None, None, None, None]
        layout = _read_layout(kind, shape, names)
        read_int(repeats, "a run of tensors", 1, total - len(layouts))
        if 0 in layout.shape:
            _check_few(repeats)
        layouts += [layout] * repeats
        size += repeats * (layout.nbytes + (-layout.nbytes & 7))
    if len(layouts) != total:
        raise CorruptError(f"{len(layouts)} layouts of {total} tensors")
    return Column(descriptor, counts, body.take(head.get("v"), size, _UINT8), tensors=tuple(layouts))


def _read_layout(kind: Any, shape: Any, names: Any) -> TensorLayout:
    if not isinstance(kind, str) or kind not in DTYPES:
        raise CorruptError("a tensor has a dtype that is none")
    lengths = tuple(read_int(n, "a dimension", 0, MAX_INT64) for n in read_list(shape, "a shape", MAX_DIMENSIONS))
    _check_dimensions(lengths)
    if names is not None:
        names = tuple(
            read_str(n, "a dimension's name", MAX_NAME_LENGTH) for n in read_list(names, "names", len(lengths))
        )
    return TensorLayout(kind, lengths, names)


def _shaped(body: BodyReader, head: dict[Any, Any], shape: tuple[Any, ...], dtype: np.dtype[Any]) -> Array:
    """The values of a numeric column; the product is taken in Python integers, so it cannot overflow."""
    _check_hollow(shape)
    count = prod(shape)
    values = body.take(head.get("v"), count, dtype)
    if dtype.name == "bool" and count and int(values.view(np.uint8).max()) > 1:
        raise CorruptError("a bool is neither 0 nor 1")
    return values.reshape(shape)


def _check_kind(id_: str, kind: Any, dimensions: int) -> None:
    """A dtype must be one of those there are, and only numbers have a shape."""
    if not isinstance(kind, str) or (kind not in DTYPES and kind not in _OTHER_KINDS):
        raise CorruptError(f"{id_!r} has a dtype that is none")
    if dimensions and kind not in DTYPES:
        raise CorruptError(f"{id_!r} is {kind} and has a shape")
    if dimensions > MAX_DIMENSIONS:
        raise CorruptError(f"{id_!r} has {dimensions} dimensions")


def _check_dimensions(shape: tuple[int, ...]) -> None:
    """A shape must not have too many dimensions, nor announce more than numpy can count while it has no element."""
    if len(shape) > MAX_DIMENSIONS:
        raise CorruptError(f"a shape of {len(shape)} dimensions")
    _check_width(shape)


def _check_width(shape: tuple[int, ...]) -> None:
    if 0 in shape and prod(filter(None, shape)) > MAX_EMPTY_ELEMENTS:
        raise CorruptError(f"the shape {shape}")


def _check_hollow(shape: tuple[int, ...]) -> None:
    """Instances without an element must not be many."""
    _check_width(shape)
    if 0 in shape[1:]:
        _check_few(shape[0])


def _check_even(lengths: int | Array, total: int) -> None:
    """Lengths that take no room must not be those of many empty things."""
    if not isinstance(lengths, np.ndarray) and lengths == 0:
        _check_few(total)


def _check_few(count: int) -> None:
    if count > MAX_EMPTY_INSTANCES:
        raise CorruptError(f"{count} instances without a single byte")


def _component_id(head: dict[Any, Any]) -> str:
    return read_str(head.get("i"), "a component id", MAX_NAME_LENGTH)
