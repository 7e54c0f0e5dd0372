"""Components: what one named part of an archetype holds, and a batch of it.

The choices that components offer, such as ``Colormap.Viridis``, are here by Rerun's names as well as in ``asyncrr``.

Values of these classes are never changed after they were made; the classes leave that to their users because
guarding it would double the price of every log call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from asyncrr.errors import DataError
from asyncrr.refusals import refusal_text

if TYPE_CHECKING:
    from asyncrr.archetypes import (
        AggregationPolicy,
        Colormap,
        FillMode,
        GraphType,
        ImageFormat,
        InterpolationMode,
        MagnificationFilter,
        MarkerShape,
        MediaType,
        MeshFaceRendering,
        PointShading,
        Radius,
        RotationAxisAngle,
        TextLogLevel,
        TransformRelation,
        VideoCodec,
    )

__all__ = [
    "NUMERIC_DTYPES",
    "AggregationPolicy",
    "BatchValues",
    "Colormap",
    "ColumnBatches",
    "ComponentBatch",
    "ComponentColumn",
    "ComponentDescriptor",
    "FillMode",
    "GraphType",
    "ImageFormat",
    "InterpolationMode",
    "MagnificationFilter",
    "MarkerShape",
    "MediaType",
    "MeshFaceRendering",
    "PointShading",
    "Radius",
    "RefusedColumn",
    "RotationAxisAngle",
    "Struct",
    "TensorValue",
    "TextLogLevel",
    "TransformRelation",
    "VideoCodec",
    "columns_or_refusal",
]

NUMERIC_DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()  # noqa: SIM905
)

Struct: TypeAlias = "dict[str, Any] | list[Any]"


class TensorValue:
    """One tensor: its values, shaped, in C order and little-endian, with optional names of the dimensions."""

    __slots__ = ("buffer", "names")

    def __init__(self, buffer: np.ndarray[Any, Any], names: tuple[str, ...] | None = None) -> None:
        self.buffer: np.ndarray[Any, Any] = buffer
        self.names: tuple[str, ...] | None = names

    def __repr__(self) -> str:
        return f"TensorValue(shape={self.buffer.shape}, dtype={self.buffer.dtype}, names={self.names})"


BatchValues: TypeAlias = (
    "np.ndarray[Any, Any] | list[np.ndarray[Any, Any]] | list[str] | list[Struct] | list[TensorValue]"
)


class ComponentDescriptor:
    """What one component holds.

    Attributes:
        id: ``Archetype:field``, as in ``Points3D:positions``; a bare name for free-form values.
        dtype: A name in ``NUMERIC_DTYPES``, or ``str``, ``struct`` (a mapping or list of plain values), ``tensor``.
        shape: The shape of one instance; only its first dimension may be ``None``, for any length.
        component_type: Rerun's name of the type, such as ``rerun.components.Position3D``, where there is one.
    """

    __slots__ = ("_hash", "component_type", "dtype", "id", "shape")

    def __init__(
        self,
        id: str,  # noqa: A002
        dtype: str,
        shape: tuple[int | None, ...] = (),
        component_type: str | None = None,
    ) -> None:
        self.id: str = id
        self.dtype: str = dtype
        self.shape: tuple[int | None, ...] = shape
        self.component_type: str | None = component_type
        self._hash = hash((id, dtype, shape, component_type))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ComponentDescriptor):
            return NotImplemented
        return (self.id, self.dtype, self.shape, self.component_type) == (
            other.id,
            other.dtype,
            other.shape,
            other.component_type,
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return ComponentDescriptor, (self.id, self.dtype, self.shape, self.component_type)

    def __repr__(self) -> str:
        return f"ComponentDescriptor({self.id!r}, {self.dtype!r}, {self.shape!r}, {self.component_type!r})"


class ComponentBatch:
    """Instances of one component.

    Attributes:
        descriptor: What they are.
        values: By the descriptor's dtype. Numeric with a fixed shape: an array ``(n, *shape)``; numeric with a
            variable first dimension: a list of ``n`` arrays ``(length, *shape[1:])``; ``str``: a list of ``str``;
            ``struct``: a list of mappings or lists; ``tensor``: a list of :class:`TensorValue`.
            Arrays are little-endian (or native where that is the same) and C-contiguous.
        is_owned: Nobody else can change the values, so a snapshot need not copy them.
    """

    __slots__ = ("descriptor", "is_owned", "values")

    def __init__(self, descriptor: ComponentDescriptor, values: BatchValues, is_owned: bool = True) -> None:
        self.descriptor: ComponentDescriptor = descriptor
        self.values: BatchValues = values
        self.is_owned: bool = is_owned

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"ComponentBatch({self.descriptor.id!r}, {self.values!r})"


class ComponentColumn(tuple[ComponentDescriptor, BatchValues, "np.ndarray[Any, Any] | None"]):
    """Many rows of one component: ``(descriptor, values, lengths)``.

    Attributes:
        descriptor: What the instances are.
        values: The instances of all rows, one after the other, as in :class:`ComponentBatch`.
        lengths: How many instances each row has (uint32), or ``None`` for one each.
        is_owned: As in :class:`ComponentBatch`.
    """

    is_owned: bool

    def __new__(
        cls,
        descriptor: ComponentDescriptor,
        values: BatchValues,
        lengths: np.ndarray[Any, Any] | None = None,
        is_owned: bool = True,
    ) -> ComponentColumn:
        self = super().__new__(cls, (descriptor, values, lengths))
        self.is_owned = is_owned
        return self

    @property
    def descriptor(self) -> ComponentDescriptor:
        return self[0]

    @property
    def values(self) -> BatchValues:
        return self[1]

    @property
    def lengths(self) -> np.ndarray[Any, Any] | None:
        return self[2]

    @property
    def row_count(self) -> int:
        """How many rows these are."""
        return len(self.values) if self.lengths is None else len(self.lengths)

    def partition(self, lengths: Any) -> ComponentColumn:
        """The same instances, shared out anew among rows.

        Args:
            lengths: How many instances each row gets; their sum is the number of instances.
        """
        try:
            return self._partition(np.asarray(lengths))
        except Exception as error:
            return RefusedColumn(refusal_text(self.descriptor.id, error))

    def _partition(self, counts: np.ndarray[Any, Any]) -> ComponentColumn:
        if counts.ndim != 1 or (counts.size and (counts.dtype.kind not in "iu" or counts.min() < 0)):
            raise DataError(f"{self.descriptor.id}: lengths are non-negative integers, one per row; got {counts!r}")
        total = int(counts.sum())
        if total != len(self.values):
            raise DataError(
                f"{self.descriptor.id}: lengths add up to {total}, but there are {len(self.values)} instances"
            )
        return ComponentColumn(self.descriptor, self.values, counts.astype("<u4"), self.is_owned)


class RefusedColumn(ComponentColumn):
    """In place of columns that were made of bad data: nothing but the reason, which ``send_columns`` tells.

    Attributes:
        refusal: The reason.
    """

    refusal: str

    def __new__(cls, refusal: str) -> RefusedColumn:
        self = tuple.__new__(cls, ())
        self.refusal = refusal
        return self

    def __getitem__(self, place: Any) -> Any:
        raise DataError(self.refusal)

    @property
    def row_count(self) -> int:
        raise DataError(self.refusal)

    def partition(self, lengths: Any) -> ComponentColumn:
        return self

    def __repr__(self) -> str:
        return f"RefusedColumn({self.refusal!r})"


def columns_or_refusal(name: str, make: Callable[[], ColumnBatches]) -> ColumnBatches:
    """Columns or, where their data is bad, a :class:`RefusedColumn`, so that no service is taken down here.

    Args:
        name: Of the archetype, for the reason.
        make: Makes the columns.

    Raises:
        Exception: Under ``ASYNCRR_STRICT``, or where it is no matter of data, whatever `make` raises.
    """
    try:
        return make()
    except Exception as error:
        return ColumnBatches([RefusedColumn(refusal_text(name, error))])


class ColumnBatches(list[ComponentColumn]):
    """The columns of one archetype, for ``send_columns``."""

    def partition(self, lengths: Any) -> ColumnBatches:
        """Share out the instances of every column among rows anew.

        Args:
            lengths: How many instances each row gets.
        """
        return ColumnBatches([column.partition(lengths) for column in self])


def __getattr__(name: str) -> Any:
    """Archetypes are made of what is here: what they offer is imported when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("asyncrr.archetypes"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
