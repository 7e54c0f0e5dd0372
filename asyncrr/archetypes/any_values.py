"""Values of any names and types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from asyncrr.coercion import DTYPES, as_array, clean_text, json_value, numeric_array, refusal
from asyncrr.components import (
    ColumnBatches,
    ComponentBatch,
    ComponentColumn,
    ComponentDescriptor,
    columns_or_refusal,
)
from asyncrr.errors import DataError, UsageError
from asyncrr.refusals import Deferring
from asyncrr.timelines import QUICKLY_COMPARED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["SCALAR_DTYPES", "AnyValues", "DynamicArchetype", "infer_batch", "plain_bytes", "plain_columns"]

Array: TypeAlias = "np.ndarray[Any, Any]"

SCALAR_DTYPES: dict[type, str] = {bool: "bool", int: "int64", float: "float64", str: "str"}
"""Python's plain scalars, and as what they are stored."""

_NAMES_KEPT = 4096
_INT64_MIN = -(2**63)
_INT64_MAX = 2**63 - 1


_known: dict[str, ComponentDescriptor] = {}


def _remember(descriptor: ComponentDescriptor) -> ComponentDescriptor:
    """Keep the type of a component, in case ``None`` comes for it later."""
    if len(_known) >= _NAMES_KEPT:
        _known.clear()
    _known[descriptor.id] = descriptor
    return descriptor


def plain_bytes(values: dict[Any, Any]) -> int:
    """How many bytes the values of a mapping take where all are plain Python scalars under names known before.

    Returns:
        Eight for each number, one for each character; -1 where a value needs a closer look.
    """
    size = 8 * len(values) or -1
    for name, value in values.items():
        if name not in _known:
            return -1
        kind = value.__class__
        if kind is float:
            continue
        if kind is str:
            if not value.isascii() and clean_text(value) is not value:
                return -1
            size += len(value)
        elif kind is int:
            if not (0 <= value <= QUICKLY_COMPARED or _INT64_MIN <= value <= _INT64_MAX):
                return -1
        elif kind is not bool:
            return -1
    return size


def plain_columns(rows: list[dict[str, Any]]) -> Iterable[tuple[dict[str, Sequence[Any]], list[int] | None]]:
    """Mappings of plain Python scalars as columns.

    Args:
        rows: Of each, the values are plain by :func:`plain_bytes`.

    Returns:
        For all rows with the same names and types: their values by name, and which rows these are (``None``: all).
    """
    names = tuple(rows[0])
    if all(map(len(names).__eq__, map(len, rows))):
        with suppress(KeyError):
            columns: dict[str, Sequence[Any]] = {name: list(map(itemgetter(name), rows)) for name in names}
            if all(len(set(map(type, column))) == 1 for column in columns.values()):
                return [(columns, None)]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        names = tuple(sorted(row))
        groups.setdefault((names, *[type(row[name]) for name in names]), []).append(place)
    return [({name: [rows[i][name] for i in places] for name in key[0]}, places) for key, places in groups.items()]


class AnyValues(Deferring):
    """Values of any names and types, each a component of its own.

    Numbers, truth values, text, bytes, arrays, and nested mappings or lists may be mixed freely. A list of numbers or
    texts is several instances of one component; a mapping, or a list of anything else, is one structure.

    Attributes:
        values: The values as they were given.
    """

    __slots__ = ("_batches", "values")

    values: dict[str, Any]

    def __init__(self, drop_untyped_nones: bool = True, **values: Any) -> None:
        """Take values.

        Args:
            drop_untyped_nones: Leave out what is ``None`` and was never logged before, so that its type is unknown.
            **values: The components.
        """
        self._take("", values, drop_untyped_nones)

    def _take(self, prefix: str, values: dict[str, Any], drop_untyped_nones: bool) -> None:
        is_plain = not prefix and plain_bytes(values) >= 0
        self._batches: list[ComponentBatch] | None = None if is_plain else _batches(prefix, values, drop_untyped_nones)
        self.values = values

    def as_component_batches(self) -> list[ComponentBatch]:
        """The values, each as one batch."""
        if self._batches is None:
            self._batches = _batches("", self.values, True)
        return list(self._batches)

    @classmethod
    def columns(cls, drop_untyped_nones: bool = True, **values: Any) -> ColumnBatches:
        """Many rows, for ``send_columns``.

        Args:
            drop_untyped_nones: Leave out what is ``None`` or empty and was never logged before, so that its type is
                unknown.
            **values: For each component the values of all rows, in a list, an iterator or an array. A row may be a
                list or an array of one dimension itself, of its instances, of which there may be none; ``None`` is a
                row without instances. In an array of more dimensions the first one counts the rows.
        """
        return columns_or_refusal(cls.__name__, lambda: _columns(values, "", drop_untyped_nones))

    def _content(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.values.items())


def _array(value: Any, dtype: str) -> Array:
    return np.array([value], DTYPES[dtype])


def _batches(prefix: str, values: Mapping[str, Any], drop_untyped_nones: bool) -> list[ComponentBatch]:
    batches = []
    for name, value in values.items():
        batch = _batch_or_none(prefix + name, value, drop_untyped_nones)
        if batch is not None:
            batches.append(batch)
    return batches


def _batch_or_none(name: str, value: Any, drop_untyped_nones: bool) -> ComponentBatch | None:
    if value is not None:
        batch = infer_batch(name, value)
        _remember(batch.descriptor)
        return batch
    descriptor = _known.get(name)
    if descriptor is None:
        if drop_untyped_nones:
            return None
        raise DataError(f"{name}=None has no type yet: log a value first, or leave drop_untyped_nones=True")
    if descriptor.dtype in ("str", "struct", "tensor") or None in descriptor.shape:
        return ComponentBatch(descriptor, [])
    return ComponentBatch(descriptor, np.empty((0, *descriptor.shape), DTYPES[descriptor.dtype]))


def infer_batch(name: str, value: Any) -> ComponentBatch:
    """A batch whose type follows from the value.

    Args:
        name: The component's id.
        value: A number, truth value, text, bytes, array-like, mapping or sequence; not ``None``.

    Raises:
        DataError: The value cannot be stored.
    """
    kind = type(value)
    if kind in SCALAR_DTYPES:
        return _scalar_batch(name, value, SCALAR_DTYPES[kind])
    if isinstance(value, ComponentBatch):
        descriptor = value.descriptor
        renamed = ComponentDescriptor(name, descriptor.dtype, descriptor.shape, descriptor.component_type)
        return ComponentBatch(renamed, value.values, value.is_owned)
    if isinstance(value, bytes | bytearray | memoryview):
        return ComponentBatch(ComponentDescriptor(name, "uint8", (None,)), [np.frombuffer(bytes(value), np.uint8)])
    if isinstance(value, list | tuple):
        return _sequence_batch(name, value)
    if isinstance(value, np.ndarray | np.generic) or _is_tensor(value):
        return _array_batch(name, value)
    plain = json_value(value, name)
    if type(plain) in SCALAR_DTYPES:
        return _scalar_batch(name, plain, SCALAR_DTYPES[type(plain)])
    if type(plain) is bytes or (
        plain is not value and isinstance(plain, list) and not isinstance(value, set | frozenset)
    ):
        return infer_batch(name, plain)
    return ComponentBatch(ComponentDescriptor(name, "struct"), [plain])


def _is_tensor(value: Any) -> bool:
    return (hasattr(value, "__array__") or hasattr(value, "__dlpack__")) and not hasattr(value, "keys")


def _scalar_batch(name: str, value: Any, dtype: str) -> ComponentBatch:
    if dtype == "str":
        return ComponentBatch(ComponentDescriptor(name, "str"), [clean_text(value)])
    if dtype == "int64" and not _INT64_MIN <= value <= _INT64_MAX:
        if not 0 <= value < 2**64:
            raise DataError(f"{name}: {value} does not fit 64 bits: pass it as str or float")
        dtype = "uint64"
    return ComponentBatch(ComponentDescriptor(name, dtype), _array(value, dtype))


def _sequence_batch(name: str, value: Any) -> ComponentBatch:
    """Several instances where all elements are of one simple kind, else one structure."""
    return _simple_batch(name, value) or ComponentBatch(ComponentDescriptor(name, "struct"), [json_value(value, name)])


def _simple_batch(name: str, value: Any) -> ComponentBatch | None:
    """Several instances where all elements are of one simple kind."""
    types = {type(item) for item in value}
    if types == {str}:
        return ComponentBatch(ComponentDescriptor(name, "str"), [clean_text(item) for item in value])
    if types == {bytes}:
        blobs = [np.frombuffer(item, np.uint8) for item in value]
        return ComponentBatch(ComponentDescriptor(name, "uint8", (None,)), blobs)
    if types == {dict}:
        structs = [json_value(item, f"{name}[{at}]") for at, item in enumerate(value)]
        return ComponentBatch(ComponentDescriptor(name, "struct"), structs)
    if types and all(
        kind in (bool, int, float) or issubclass(kind, list | tuple | np.number | np.ndarray) for kind in types
    ):
        try:
            array = np.array(value)
        except ValueError:  # of different lengths
            array = np.empty(0, object)
        if array.dtype.kind in "biuf" and not (bool in types and len(types) > 1):
            return _array_batch(name, array, is_owned=True)
    return None


def _array_batch(name: str, value: Any, is_owned: bool = False) -> ComponentBatch:
    descriptor = ComponentDescriptor(name, "float64")
    array = as_array(value, descriptor)
    kind = array.dtype.kind
    if kind in "US":
        texts = [
            item if isinstance(item, str) else item.decode(errors="replace") for item in array.reshape(-1).tolist()
        ]
        return ComponentBatch(ComponentDescriptor(name, "str"), [clean_text(text) for text in texts])
    if kind in "mM":
        return ComponentBatch(ComponentDescriptor(name, "str"), [str(item) for item in array.reshape(-1)])
    if kind == "O":
        return ComponentBatch(ComponentDescriptor(name, "struct"), [json_value(array.tolist(), name)])
    dtype = array.dtype.name if array.dtype.name in DTYPES else "float64" if kind == "f" else "float32"
    plain, is_fresh = numeric_array(array, descriptor, DTYPES[dtype])
    if plain.ndim == 0:
        plain = plain.reshape(1)
    if is_owned or is_fresh:
        plain.flags.writeable = False
    return ComponentBatch(ComponentDescriptor(name, dtype, plain.shape[1:]), plain, is_owned or is_fresh)


def _columns(values: Mapping[str, Any], prefix: str, drop_untyped_nones: bool) -> ColumnBatches:
    columns = ColumnBatches()
    for name, value in values.items():
        column = _column_or_none(prefix + name, value, drop_untyped_nones)
        if column is not None:
            columns.append(column)
    rows = {column.row_count for column in columns}
    if len(rows) > 1:
        told = ", ".join(f"{column.descriptor.id} has {column.row_count}" for column in columns)
        raise DataError(f"columns: all components need the same number of rows; {told}")
    return columns


def _column_or_none(name: str, values: Any, drop_untyped_nones: bool) -> ComponentColumn | None:
    values, lengths = _instances(_listed(name, values))
    batch: ComponentBatch | None
    if isinstance(values, list) and values:
        batch = _simple_batch(name, values) or _plain_batch(name, values)
        _remember(batch.descriptor)
    else:
        batch = _batch_or_none(name, None if isinstance(values, list) else values, drop_untyped_nones)
    return None if batch is None else ComponentColumn(batch.descriptor, batch.values, lengths, batch.is_owned)


def _plain_batch(name: str, values: list[Any]) -> ComponentBatch:
    plain = [json_value(value, f"{name}[{at}]") for at, value in enumerate(values)]
    batch = _simple_batch(name, plain)
    if batch is not None:
        return batch
    if not all(isinstance(value, dict | list) for value in plain):
        kinds = ", ".join(sorted({type(value).__name__ for value in values}))
        raise DataError(f"{name}: the values of a column are of one kind, not {kinds}: convert them to one of these")
    return ComponentBatch(ComponentDescriptor(name, "struct"), plain)


def _listed(name: str, values: Any) -> Any:
    """The values of all rows as a list, unless they are an array of numbers or texts, or those of a single row."""
    if isinstance(values, list | tuple | range | Iterator):
        return list(values)
    if isinstance(values, np.ndarray) or _is_tensor(values):
        array = as_array(values, ComponentDescriptor(name, "float64"))
        return array.tolist() if array.dtype.kind == "O" and array.ndim else array
    return values


def _instances(values: Any) -> tuple[Any, Array | None]:
    """The instances of all rows one after the other, and how many each row has, ``None`` for one each."""
    if not isinstance(values, list) or not any(value is None or _is_row(value) for value in values):
        return values, None
    rows = [[] if value is None else value if _is_row(value) else [value] for value in values]
    lengths = np.array([len(row) for row in rows], np.uint32)
    if all(isinstance(row, np.ndarray) for row in rows):
        return np.concatenate(rows), lengths
    return [item for row in rows for item in row], lengths


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1)


class DynamicArchetype(AnyValues):
    """Values of any names and types, as components of an archetype that the user names."""

    __slots__ = ()

    def __init__(
        self, archetype: str, drop_untyped_nones: bool = True, components: Mapping[str, Any] | None = None
    ) -> None:
        """Take values.

        Args:
            archetype: The archetype's name; components are called ``archetype:name``.
            drop_untyped_nones: Leave out what is ``None`` and was never logged before, so that its type is unknown.
            components: The components.
        """
        if not isinstance(drop_untyped_nones, bool):
            raise UsageError("DynamicArchetype: give the components by name, as components={...}")
        self._take(_prefix(archetype), dict(components or {}), drop_untyped_nones)

    @classmethod
    def columns(  # type: ignore[override]
        cls, archetype: str, drop_untyped_nones: bool = True, components: Mapping[str, Any] | None = None
    ) -> ColumnBatches:
        """Many rows, for ``send_columns``.

        Args:
            archetype: The archetype's name.
            drop_untyped_nones: Leave out what is ``None``.
            components: For each component the values of all rows.
        """
        return columns_or_refusal(
            cls.__name__, lambda: _columns(components or {}, _prefix(archetype), drop_untyped_nones)
        )


def _prefix(archetype: Any) -> str:
    if not isinstance(archetype, str) or not archetype:
        raise refusal(ComponentDescriptor("DynamicArchetype:archetype", "str"), archetype, "a name is needed")
    return f"{archetype}:"
