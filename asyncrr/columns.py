"""One component of many rows, as the arrays that its bytes are made of."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from asyncrr.components import NUMERIC_DTYPES, BatchValues, ComponentDescriptor, Struct, TensorValue
from asyncrr.errors import UsageError

__all__ = ["Array", "Column", "RowValues", "TensorLayout", "starts_of"]

Array: TypeAlias = "np.ndarray[Any, Any]"

RowValues: TypeAlias = "BatchValues | float | str"
"""The instances of one row: a batch's values, or one bare number or string where the row has exactly one."""

_NO_BYTES = np.empty(0, np.uint8)


class TensorLayout(NamedTuple):
    """How the bytes of one tensor are to be read.

    Attributes:
        dtype: A name in ``NUMERIC_DTYPES``.
        shape: The length of each dimension.
        names: The dimensions' names, or ``None``.
    """

    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor, in Python integers that cannot overflow."""
        size = np.dtype(self.dtype).itemsize
        for length in self.shape:
            size *= length
        return size


class Column:
    """One component of all rows of a chunk.

    Attributes:
        descriptor: What the component is.
        counts: Instances per row: one number where it is the same for all rows, else unsigned ``(rows,)``.
        values: By the descriptor's dtype. Numeric, fixed shape: ``(instances, *shape)``; numeric, variable first
            dimension: ``(elements, *shape[1:])``; ``str``: the UTF-8 bytes of all; ``tensor``: the bytes of all, each
            tensor's from a multiple of 8; ``struct``: empty.
        lengths: Per instance, elements (variable shape) or bytes (``str``): one number or unsigned ``(instances,)``;
            ``None`` for the other kinds.
        tensors: The layout of each instance, for ``tensor``.
        structs: The instances, for ``struct``.
    """

    __slots__ = ("_instance_starts", "_row_starts", "counts", "descriptor", "lengths", "structs", "tensors", "values")

    def __init__(
        self,
        descriptor: ComponentDescriptor,
        counts: int | Array,
        values: Array,
        lengths: int | Array | None = None,
        tensors: tuple[TensorLayout, ...] | None = None,
        structs: list[Struct] | None = None,
    ) -> None:
        self.descriptor: ComponentDescriptor = descriptor
        self.counts: int | Array = counts
        self.values: Array = values
        self.lengths: int | Array | None = lengths
        self.tensors: tuple[TensorLayout, ...] | None = tensors
        self.structs: list[Struct] | None = structs
        self._row_starts: Array | None = None
        self._instance_starts: Array | None = None

    def __repr__(self) -> str:
        return f"<Column {self.descriptor.id}: {self.nbytes} bytes>"

    @classmethod
    def from_batches(
        cls, descriptor: ComponentDescriptor, batches: Sequence[RowValues] | array[Any], row_count: int
    ) -> Column:
        """Put one component of many rows together.

        A numeric row that stands alone, and an ``array.array``, are not copied: the column keeps their memory.

        Args:
            descriptor: What the component is.
            batches: One item per row, as :data:`RowValues`; an ``array.array`` of one number per row will do.
            row_count: Rows, for a check.

        Raises:
            UsageError: ``batches`` does not have ``row_count`` items.
        """
        if len(batches) != row_count:
            raise UsageError(f"{descriptor.id}: {len(batches)} batches for {row_count} rows")
        kind = descriptor.dtype
        if isinstance(batches, array):
            return cls(descriptor, 1, np.frombuffer(batches, batches.typecode).astype(kind, copy=False))
        if kind in NUMERIC_DTYPES and not _is_variable(descriptor):
            return cls._from_arrays(descriptor, batches)
        if kind == "str":
            if all(map(str.__instancecheck__, batches)):
                return cls._from_instances(descriptor, batches, 1)
            batches = [[batch] if isinstance(batch, str) else batch for batch in batches]
        counts = _even([len(batch) for batch in batches])  # type: ignore[arg-type]
        instances = list(chain.from_iterable(batches))  # type: ignore[arg-type]
        return cls._from_instances(descriptor, instances, counts)

    @classmethod
    def from_singles(cls, descriptor: ComponentDescriptor, singles: Sequence[float | str]) -> Column:
        """Put one component of many rows together that each have one instance: a number, or a string."""
        if descriptor.dtype == "str":
            return cls._from_instances(descriptor, singles, 1)
        return cls(descriptor, 1, np.array(singles, descriptor.dtype))

    @classmethod
    def from_parts(
        cls, descriptor: ComponentDescriptor, values: BatchValues, lengths: Sequence[int] | Array | None = None
    ) -> Column:
        """Take values that are columns already, of all rows one after another.

        Args:
            descriptor: What the component is.
            values: All rows' instances, as one batch's values. An array is kept, not copied.
            lengths: Instances per row; ``None`` where each row has one.

        Raises:
            UsageError: ``lengths`` do not add up to the instances there are.
        """
        counts = 1 if lengths is None else _even([int(length) for length in lengths])
        if lengths is not None and sum(map(int, lengths)) != len(values):
            raise UsageError(f"{descriptor.id}: the lengths add up to {sum(map(int, lengths))}, not {len(values)}")
        if isinstance(values, np.ndarray) and not _is_variable(descriptor):
            return cls(descriptor, counts, np.ascontiguousarray(values, descriptor.dtype))
        return cls._from_instances(descriptor, values, counts)

    @classmethod
    def _from_arrays(cls, descriptor: ComponentDescriptor, batches: Sequence[Any]) -> Column:
        kind, first = descriptor.dtype, batches[0]
        if len(batches) == 1 and isinstance(first, np.ndarray):
            return cls(descriptor, len(first), np.ascontiguousarray(first, kind))
        if not isinstance(first, np.ndarray):
            try:
                return cls(descriptor, 1, np.array(batches, kind).reshape(len(batches), *descriptor.shape))
            except ValueError:  # some rows hold arrays
                batches = [np.atleast_1d(np.asarray(batch, kind)) for batch in batches]
        elif not all(isinstance(batch, np.ndarray) for batch in batches):
            batches = [np.atleast_1d(np.asarray(batch, kind)) for batch in batches]
        counts = _even(list(map(len, batches)))
        return cls(descriptor, counts, np.concatenate(batches).astype(kind, copy=False))

    @classmethod
    def _from_instances(cls, descriptor: ComponentDescriptor, instances: Any, counts: int | Array) -> Column:
        kind = descriptor.dtype
        if kind == "str":
            values, lengths = _encode_strings(instances)
            return cls(descriptor, counts, values, lengths)
        if kind == "struct":
            return cls(descriptor, counts, _NO_BYTES, structs=list(instances))
        if kind == "tensor":
            layouts = tuple(TensorLayout(t.buffer.dtype.name, t.buffer.shape, t.names) for t in instances)
            return cls(descriptor, counts, _join_tensors(instances), tensors=layouts)
        arrays = [np.ascontiguousarray(instance, kind) for instance in instances]
        if len(arrays) == 1:
            values = arrays[0]
        elif arrays:
            values = np.concatenate(arrays)
        else:
            values = np.empty((0, *map(int, descriptor.shape[1:])), kind)  # type: ignore[arg-type]
        return cls(descriptor, counts, values, _even([len(instance) for instance in arrays], np.uint64))

    @property
    def nbytes(self) -> int:
        """Bytes that the column holds; for structs an estimate, 64 each."""
        held = self.values.nbytes
        for sizes in (self.counts, self.lengths):
            if isinstance(sizes, np.ndarray):
                held += sizes.nbytes
        return held + 64 * len(self.structs or self.tensors or ())

    def batch(self, row: int) -> BatchValues:
        """The instances of one row, as :class:`~asyncrr.components.ComponentBatch` has them; arrays are views."""
        start, stop = self._instance_span(row, row + 1)
        if self.structs is not None:
            return self.structs[start:stop]
        if self.tensors is not None:
            return [self._tensor(index) for index in range(start, stop)]
        if self.lengths is None:
            return self.values[start:stop]
        if self.descriptor.dtype == "str":
            return self.strings(start, stop)
        spans = (self._value_span(index, index + 1) for index in range(start, stop))
        return [self.values[low:high] for low, high in spans]

    def strings(self, start: int, stop: int) -> list[str]:
        """The strings of some instances, counted over all rows; bytes that are not UTF-8 become U+FFFD."""
        low, high = self._value_span(start, stop)
        raw = self.values[low:high].tobytes()
        if isinstance(self.lengths, np.ndarray):
            ends = np.cumsum(self.lengths[start:stop]).tolist()
        else:
            length = self.lengths or 0
            ends = [length * (index + 1) for index in range(stop - start)]
        if raw.isascii():
            text = raw.decode("ascii")
            return [text[low:high] for low, high in zip([0, *ends], ends, strict=False)]
        return [raw[low:high].decode("utf-8", "replace") for low, high in zip([0, *ends], ends, strict=False)]

    def slice(self, start: int, stop: int) -> Column:
        """The column of the rows from ``start`` to before ``stop``; it shares this one's memory."""
        low, high = self._instance_span(start, stop)
        counts, lengths = self.counts, self.lengths
        if isinstance(counts, np.ndarray):
            counts = counts[start:stop]
        values_low, values_high = self._value_span(low, high)
        if isinstance(lengths, np.ndarray):
            lengths = lengths[low:high]
        return Column(
            self.descriptor,
            counts,
            self.values[values_low:values_high],
            lengths,
            None if self.tensors is None else self.tensors[low:high],
            None if self.structs is None else self.structs[low:high],
        )

    def _instance_span(self, start: int, stop: int) -> tuple[int, int]:
        """Where the instances of some rows lie."""
        if not isinstance(self.counts, np.ndarray):
            return start * self.counts, stop * self.counts
        if self._row_starts is None:
            self._row_starts = starts_of(self.counts)
        return int(self._row_starts[start]), int(self._row_starts[stop])

    def _value_span(self, start: int, stop: int) -> tuple[int, int]:
        """Where in ``values`` some instances lie."""
        sizes = self.lengths
        if self.tensors is not None:
            if self._instance_starts is None:
                self._instance_starts = starts_of([layout.nbytes + (-layout.nbytes & 7) for layout in self.tensors])
        elif sizes is None:
            return (0, 0) if self.structs is not None else (start, stop)
        elif not isinstance(sizes, np.ndarray):
            return start * sizes, stop * sizes
        elif self._instance_starts is None:
            self._instance_starts = starts_of(sizes)
        return int(self._instance_starts[start]), int(self._instance_starts[stop])

    def _tensor(self, index: int) -> TensorValue:
        assert self.tensors is not None
        layout = self.tensors[index]
        low, _ = self._value_span(index, index + 1)
        buffer = self.values[low : low + layout.nbytes].view(np.dtype(layout.dtype)).reshape(layout.shape)
        return TensorValue(buffer, layout.names)


def _is_variable(descriptor: ComponentDescriptor) -> bool:
    return descriptor.shape[:1] == (None,)


def _even(sizes: list[int], dtype: type = np.uint32) -> int | Array:
    """One number where all are the same, else an array."""
    if not sizes:
        return 0
    return sizes[0] if sizes.count(sizes[0]) == len(sizes) else np.array(sizes, dtype)


def starts_of(sizes: Sequence[int] | Array) -> Array:
    """Where each of some pieces begins, and where the last ends, int64 ``(pieces + 1,)``."""
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, dtype=np.int64, out=starts[1:])
    return starts


def _encode_strings(strings: Sequence[str]) -> tuple[Array, int | Array]:
    """The bytes of all strings, and the length of each; lone surrogates are written as ``\\udc80``."""
    joined = "".join(strings)
    if joined.isascii():
        return np.frombuffer(joined.encode("ascii"), np.uint8), _even(list(map(len, strings)), np.uint64)
    encoded = [text.encode("utf-8", "backslashreplace") for text in strings]
    return np.frombuffer(b"".join(encoded), np.uint8), _even(list(map(len, encoded)), np.uint64)


def _join_tensors(tensors: Sequence[TensorValue]) -> Array:
    """The bytes of all tensors, each padded to a multiple of 8; one that needs no padding is not copied."""
    parts: list[Array] = []
    for tensor in tensors:
        raw = np.ascontiguousarray(tensor.buffer).reshape(-1).view(np.uint8)
        parts.append(raw)
        if raw.size & 7:
            parts.append(np.zeros(-raw.size & 7, np.uint8))
    if not parts:
        return _NO_BYTES
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
