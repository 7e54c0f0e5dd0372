"""Tensors and bar charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import clean_text, refusal, tensors
from asyncrr.components import ComponentBatch, ComponentDescriptor, TensorValue
from asyncrr.errors import DataError

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, ColorLike, FloatsLike

__all__ = ["BarChart", "Tensor"]


class Tensor(FieldsArchetype):
    """Numbers of any number of dimensions."""

    __slots__ = ()

    FIELDS = fields("Tensor", data=kinds.TENSOR_DATA, value_range=kinds.VALUE_RANGE)

    def __init__(
        self,
        data: ArrayLike,
        *,
        dim_names: Sequence[str | None] | None = None,
        value_range: Sequence[float] | None = None,
        copy: bool = True,
    ) -> None:
        """Take numbers.

        Args:
            data: An array-like.
            dim_names: For each dimension its name; none at all leaves them out.
            value_range: The least and greatest value that are told apart.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        descriptor = self.DESCRIPTORS[0]
        batch = tensors(data, descriptor, copy)
        if dim_names:
            batch = _named(batch, dim_names, descriptor)
        self._fill(batch, value_range)


def _named(batch: ComponentBatch, names: Any, descriptor: ComponentDescriptor) -> ComponentBatch:
    tensor: Any = batch.values[0]
    if isinstance(names, str) or len(names) != tensor.buffer.ndim:
        raise DataError(
            f"Tensor(dim_names=...): {tensor.buffer.ndim} names are needed, one per dimension; got {names!r}"
        )
    named = TensorValue(tensor.buffer, tuple(["" if name is None else clean_text(str(name)) for name in names]))
    return ComponentBatch(descriptor, [named], batch.is_owned)


class BarChart(FieldsArchetype):
    """A bar for each number."""

    __slots__ = ()

    FIELDS = fields(
        "BarChart",
        values=kinds.TENSOR_DATA,
        color=kinds.COLOR,
        abscissa=kinds.TENSOR_DATA,
        widths=kinds.LENGTH,
    )

    def __init__(
        self,
        values: ArrayLike,
        *,
        color: ColorLike | None = None,
        abscissa: ArrayLike | None = None,
        widths: FloatsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take the heights of bars.

        Args:
            values: Shape (N,).
            color: Of all bars.
            abscissa: Where each bar stands; without it 0, 1, 2, …
            widths: How wide each is.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            _one_dimension(values, self.DESCRIPTORS[0], copy),
            color,
            None if abscissa is None else _one_dimension(abscissa, self.DESCRIPTORS[2], copy),
            widths,
            copy=copy,
        )


def _one_dimension(value: Any, descriptor: ComponentDescriptor, copy: bool) -> ComponentBatch:
    batch = tensors(value, descriptor, copy)
    tensor: Any = batch.values[0]
    if sum([length != 1 for length in tensor.buffer.shape]) > 1:
        raise refusal(descriptor, tensor.buffer, "one number per bar is needed: shape (N,)")
    return ComponentBatch(descriptor, [TensorValue(tensor.buffer.reshape(-1), tensor.names)], batch.is_owned)
