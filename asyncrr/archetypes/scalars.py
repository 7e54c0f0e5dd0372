"""Numbers over time, and how they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import Archetype, FieldsArchetype
from asyncrr.archetypes.enums import MarkerShape
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import numbers, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import BoolsLike, ColorsLike, EnumLike, EnumsLike, FloatsLike, TextsLike

__all__ = ["Measurements", "Scalars", "SeriesLines", "SeriesPoints"]


class Scalars(Archetype):
    """One or more numbers, each the next value of its curve.

    Attributes:
        scalars: A float if one number was given, else a 1-D float64 array.
    """

    __slots__ = ("scalars",)

    FIELDS = fields("Scalars", scalars=kinds.SCALAR)
    DESCRIPTORS: ClassVar[tuple[ComponentDescriptor, ...]] = (FIELDS[0].descriptor,)

    scalars: float | np.ndarray[Any, Any]

    def __init__(self, scalars: FloatsLike, *, copy: bool = True) -> None:
        """Take numbers.

        Args:
            scalars: A number, or an array-like of shape (N,).
            copy: ``False`` hands an array over: it must not be changed afterwards.
        """
        if type(scalars) is float:
            self.scalars = scalars
        else:
            try:
                self.scalars = _scalars(scalars, copy)
            except Exception as error:
                self._refuse(error)

    def as_component_batches(self) -> list[ComponentBatch]:
        self._check()
        scalars = self.scalars
        if type(scalars) is float:
            scalars = np.array([scalars], np.float64)
        return [ComponentBatch(_DESCRIPTOR, scalars)]  # type: ignore[arg-type]


_DESCRIPTOR = Scalars.DESCRIPTORS[0]


def _scalars(value: Any, copy: bool) -> float | np.ndarray[Any, Any]:
    if type(value) is int or type(value) is bool:
        try:
            return float(value)
        except OverflowError:
            raise refusal(_DESCRIPTOR, value, "the number is too large for float64") from None
    if isinstance(value, str | bytes) or value is None:
        raise refusal(_DESCRIPTOR, value, "a number is needed: log text as rr.TextLog, or convert it with float()")
    batch = numbers(value, _DESCRIPTOR, copy)
    array = batch.values
    if np.ndim(value) == 0 and len(array) == 1:
        return float(array[0])  # type: ignore[arg-type]
    if not batch.is_owned:
        array = np.array(array)
        array.flags.writeable = False
    return array  # type: ignore[return-value]


class SeriesLines(FieldsArchetype):
    """How curves are drawn as lines."""

    __slots__ = ()

    FIELDS = fields(
        "SeriesLines",
        colors=kinds.COLOR,
        widths=kinds.STROKE_WIDTH,
        names=kinds.NAME,
        visible_series=kinds.VISIBLE,
        aggregation_policy=kinds.AGGREGATION_POLICY,
        interpolation_mode=kinds.INTERPOLATION_MODE,
    )

    def __init__(
        self,
        *,
        colors: ColorsLike | None = None,
        widths: FloatsLike | None = None,
        names: TextsLike | None = None,
        visible_series: BoolsLike | None = None,
        aggregation_policy: EnumLike | None = None,
        interpolation_mode: EnumLike | None = None,
    ) -> None:
        """Take the looks of one or more curves.

        Args:
            colors: One color per curve.
            widths: Line widths in UI points.
            names: What the legend says.
            visible_series: Whether each curve is shown.
            aggregation_policy: How points that fall on one pixel are put together.
            interpolation_mode: How neighbours are joined.
        """
        self._fill(colors, widths, names, visible_series, aggregation_policy, interpolation_mode)


class SeriesPoints(FieldsArchetype):
    """How curves are drawn as points."""

    __slots__ = ()

    FIELDS = fields(
        "SeriesPoints",
        colors=kinds.COLOR,
        markers=kinds.MARKER_SHAPE,
        names=kinds.NAME,
        visible_series=kinds.VISIBLE,
        marker_sizes=kinds.MARKER_SIZE,
    )

    def __init__(
        self,
        *,
        colors: ColorsLike | None = None,
        markers: EnumsLike | None = None,
        names: TextsLike | None = None,
        visible_series: BoolsLike | None = None,
        marker_sizes: FloatsLike | None = None,
    ) -> None:
        """Take the looks of one or more curves.

        Args:
            colors: One color per curve.
            markers: One :class:`MarkerShape` per curve; a circle where nothing at all is given.
            names: What the legend says.
            visible_series: Whether each curve is shown.
            marker_sizes: Sizes in UI points.
        """
        if all(given is None for given in (colors, markers, names, visible_series, marker_sizes)):
            markers = MarkerShape.Circle  # a row without any component would be none
        self._fill(colors, markers, names, visible_series, marker_sizes)


class Measurements(FieldsArchetype):
    """Numbers with their variance and unit."""

    __slots__ = ()

    FIELDS = fields(
        "Measurements",
        values=kinds.SCALAR,
        variances=kinds.VARIANCE,
        units=kinds.UNIT,
        colors=kinds.COLOR,
        widths=kinds.STROKE_WIDTH,
        names=kinds.NAME,
        visible_series=kinds.VISIBLE,
        aggregation_policy=kinds.AGGREGATION_POLICY,
        interpolation_mode=kinds.INTERPOLATION_MODE,
    )

    def __init__(
        self,
        values: FloatsLike,
        *,
        variances: FloatsLike | None = None,
        units: TextsLike | None = None,
        colors: ColorsLike | None = None,
        widths: FloatsLike | None = None,
        names: TextsLike | None = None,
        visible_series: BoolsLike | None = None,
        aggregation_policy: EnumLike | None = None,
        interpolation_mode: EnumLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take measured numbers and, if wanted, how they are drawn.

        Args:
            values: The numbers.
            variances: How uncertain each is.
            units: What each is measured in.
            colors: One color per curve.
            widths: Line widths in UI points.
            names: What the legend says.
            visible_series: Whether each curve is shown.
            aggregation_policy: How points that fall on one pixel are put together.
            interpolation_mode: How neighbours are joined.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            values,
            variances,
            units,
            colors,
            widths,
            names,
            visible_series,
            aggregation_policy,
            interpolation_mode,
            copy=copy,
        )
