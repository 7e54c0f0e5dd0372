"""What all archetypes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from asyncrr.colors import color_column, colors
from asyncrr.components import (
    NUMERIC_DTYPES,
    ColumnBatches,
    ComponentBatch,
    ComponentColumn,
    ComponentDescriptor,
    columns_or_refusal,
)
from asyncrr.errors import DataError, UsageError
from asyncrr.refusals import Deferring, Refusable

if TYPE_CHECKING:
    from typing import Self

    from asyncrr.archetypes.kinds import Field

__all__ = ["Archetype", "FieldsArchetype", "exclusive"]


class Archetype(Refusable):
    """A ready-made bundle of components.

    One that is made of bad data takes no service down: logging it warns, or raises under ``strict``.

    Attributes:
        FIELDS: The components it may have, with how each is read.
        DESCRIPTORS: What each of them holds.
    """

    __slots__ = ()

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    DESCRIPTORS: ClassVar[tuple[ComponentDescriptor, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.FIELDS and not cls.DESCRIPTORS:
            cls.DESCRIPTORS = tuple([field.descriptor for field in cls.FIELDS])

    def as_component_batches(self) -> list[ComponentBatch]:
        """The components that have been given, in the archetype's order.

        Raises:
            DataError: The archetype was made of bad data.
        """
        raise NotImplementedError

    @classmethod
    def columns(cls, **values: Any) -> ColumnBatches:
        """Many rows, for ``send_columns``.

        Args:
            **values: For each component the values of all rows: one instance per row, or, where the array has one
                dimension more than that takes, several. :meth:`ColumnBatches.partition` shares them out otherwise.
        """
        _check_names(cls.__name__, cls.FIELDS, values)
        return columns_or_refusal(cls.__name__, lambda: _columns_of(cls.__name__, cls.FIELDS, values))

    def _content(self) -> str:
        return ", ".join(
            f"{batch.descriptor.id.rpartition(':')[2]}={_short(batch)}" for batch in self.as_component_batches()
        )


def _short(batch: ComponentBatch) -> str:
    if isinstance(batch.values, np.ndarray) and batch.values.size > 8:
        return f"<{len(batch.values)} of {batch.descriptor.dtype}>"
    text = repr(batch.values.tolist() if isinstance(batch.values, np.ndarray) else batch.values)
    return text if len(text) <= 60 else f"<{len(batch.values)} of {batch.descriptor.dtype}>"


class FieldsArchetype(Deferring, Archetype):
    """An archetype that keeps its components as batches."""

    __slots__ = ("_batches",)

    _batches: list[ComponentBatch]

    def _fill(self, *values: Any, copy: bool = True) -> None:
        """Take the values of the fields, in their order; ``None`` leaves one out."""
        self._batches = [
            value if isinstance(value, ComponentBatch) else field.coerce(value, field.descriptor, copy)
            for field, value in zip(self.FIELDS, values, strict=True)
            if value is not None
        ]

    def as_component_batches(self) -> list[ComponentBatch]:
        return list(self._batches)

    def __getattr__(self, name: str) -> Any:
        for field in type(self).FIELDS:
            if field.name == name:
                for batch in self._batches:
                    if batch.descriptor is field.descriptor:
                        return batch.values
                return None
        self._missing(name)

    @classmethod
    def from_fields(cls, *, clear_unset: bool = False, **values: Any) -> Self:
        """Only some components, whatever the constructor requires.

        Args:
            clear_unset: Log the others as empty, so that earlier values of theirs no longer hold.
            **values: Components by their names.
        """
        _check_names(cls.__name__, cls.FIELDS, values)
        self = cls.__new__(cls)
        batches: list[ComponentBatch] = []
        try:
            for field in cls.FIELDS:
                value = values.get(field.name)
                if value is not None:
                    batches.append(field.coerce(value, field.descriptor, True))
                elif clear_unset:
                    batches.append(ComponentBatch(field.descriptor, _no_values(field.descriptor)))
        except Exception as error:
            self._refuse(error)
        else:
            self._batches = batches
        return self

    @classmethod
    def cleared(cls) -> Self:
        """All components empty, so that earlier values no longer hold."""
        return cls.from_fields(clear_unset=True)


def _no_values(descriptor: ComponentDescriptor) -> Any:
    if descriptor.dtype in ("str", "struct", "tensor") or None in descriptor.shape:
        return []
    return np.empty((0, *[length or 0 for length in descriptor.shape]), descriptor.dtype)


def _check_names(archetype: str, fields: tuple[Field, ...], values: dict[str, Any]) -> None:
    known = [field.name for field in fields]
    for name in values:
        if name not in known:
            raise UsageError(f"{archetype} has no component {name!r}: it has {', '.join(known)}")


def _columns_of(archetype: str, fields: tuple[Field, ...], values: dict[str, Any]) -> ColumnBatches:
    """The columns of many rows of an archetype."""
    columns = ColumnBatches()
    for field in fields:
        value = values.get(field.name)
        if value is None:
            continue
        batch = _column_batch(field, value)
        columns.append(ComponentColumn(batch.descriptor, batch.values, _lengths(value, batch), batch.is_owned))
    rows = {column.row_count for column in columns}
    if len(rows) > 1:
        told = ", ".join(f"{column.descriptor.id} has {column.row_count}" for column in columns)
        raise DataError(f"{archetype}.columns: all components need the same number of rows; {told}")
    return columns


_ROW_BY_ROW = ("AnnotationContext", "EntityPath", "TensorData")
"""Types of which a list is one instance, so that each row's value is read by itself."""


def _column_batch(field: Field, value: Any) -> ComponentBatch:
    """All instances of all rows: one dimension more than for one row is folded away."""
    descriptor = field.descriptor
    type_name = (descriptor.component_type or "").rpartition(".")[2]
    if type_name in _ROW_BY_ROW:
        batches = [field.coerce(item, descriptor, True) for item in value]
        instances = [instance for batch in batches for instance in batch.values]
        return ComponentBatch(descriptor, instances, all(batch.is_owned for batch in batches))
    shape = _shape(value)
    if field.coerce is colors:
        if len(shape) == 1:  # one packed color or name per row, never the channels of one color
            return color_column(value, descriptor)
        if len(shape) == 3:
            value = np.asarray(value).reshape(-1, shape[2])
    elif (
        descriptor.dtype in NUMERIC_DTYPES and len(shape) == len(descriptor.shape) + 2 and shape[2:] == descriptor.shape
    ):
        value = np.asarray(value).reshape(-1, *shape[2:])
    batch: ComponentBatch = field.coerce(value, descriptor, True)
    return batch


def _lengths(value: Any, batch: ComponentBatch) -> np.ndarray[Any, Any] | None:
    """How many instances each row has, as the shape of the value tells; ``None`` for one each."""
    shape = _shape(value)
    if not isinstance(batch.values, np.ndarray) or not shape or not shape[0] or len(batch.values) % shape[0]:
        return None
    count = len(batch.values) // shape[0]
    return None if count == 1 or len(shape) == 1 else np.full(shape[0], count, "<u4")


def _shape(value: Any) -> tuple[int, ...]:
    """The shape of something array-like; that of a scalar where its rows differ."""
    try:
        return np.shape(value)
    except (ValueError, TypeError, RuntimeError):
        return ()


def exclusive(archetype: str, **given: Any) -> None:
    """Refuse arguments that say the same thing in two ways."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise UsageError(f"{archetype}: {' and '.join(names)} exclude each other; give one of them")
