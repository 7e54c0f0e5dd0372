"""Boxes in the plane and in space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype, exclusive
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import numbers, refusal
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import DataError, UsageError

if TYPE_CHECKING:
    from asyncrr.archetypes.enums import Box2DFormat
    from asyncrr.archetypes.likes import ArrayLike, BoolLike, ColorsLike, EnumLike, FloatsLike, IdsLike, TextsLike

__all__ = ["Boxes2D", "Boxes3D"]

Array: TypeAlias = "np.ndarray[Any, Any]"


class Boxes2D(FieldsArchetype):
    """Boxes in the plane, with their sides along X and Y."""

    __slots__ = ()

    FIELDS = fields(
        "Boxes2D",
        half_sizes=kinds.HALF_SIZE_2D,
        centers=kinds.POSITION_2D,
        colors=kinds.COLOR,
        radii=kinds.RADIUS,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        draw_order=kinds.DRAW_ORDER,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        sizes: ArrayLike | None = None,
        mins: ArrayLike | None = None,
        half_sizes: ArrayLike | None = None,
        centers: ArrayLike | None = None,
        array: ArrayLike | None = None,
        array_format: Box2DFormat | str | None = None,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        draw_order: FloatsLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take boxes by their sizes and places, or by ``array`` with ``array_format``.

        Args:
            sizes: Width and height: shape (N, 2).
            mins: Left and top, instead of ``centers``.
            half_sizes: Half of width and height, instead of ``sizes``.
            centers: Where their centers are.
            array: Four numbers per box: shape (N, 4).
            array_format: What the four numbers are: a :class:`Box2DFormat`.
            radii: The radii of the lines; negative ones in UI points.
            colors: One color, or one per box.
            labels: One text, or one per box.
            show_labels: Whether labels are shown.
            draw_order: Higher is in front.
            class_ids: One id of an annotation context, or one per box.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        if array is not None:
            for name, value in (("sizes", sizes), ("mins", mins), ("half_sizes", half_sizes), ("centers", centers)):
                exclusive("Boxes2D", array=array, **{name: value})
            half_sizes, centers = _of_array(array, array_format)
        else:
            half_sizes, centers = _halves_and_centers("Boxes2D", 2, sizes, mins, half_sizes, centers)
        self._fill(half_sizes, centers, colors, radii, labels, show_labels, draw_order, class_ids, copy=copy)


_ARRAY = ComponentDescriptor("Boxes2D:array", "float64", (4,))
_ARRAY_FORMAT = ComponentDescriptor("Boxes2D:array_format", "str")


def _of_array(value: Any, array_format: Any) -> tuple[Array, Array]:
    """Half sizes and centers."""
    if array_format is None:
        raise UsageError("Boxes2D: array needs array_format, such as Box2DFormat.XYWH")
    from asyncrr.archetypes.enums import Box2DFormat

    try:
        array_format = Box2DFormat(array_format.upper() if isinstance(array_format, str) else array_format)
    except ValueError:
        names = ", ".join(known.name for known in Box2DFormat)
        raise refusal(_ARRAY_FORMAT, array_format, f"the choices are {names}") from None
    boxes: Any = numbers(value, _ARRAY).values
    first, second = boxes[:, :2], boxes[:, 2:]
    if array_format in (Box2DFormat.YXHW, Box2DFormat.YXYX):
        first, second = first[:, ::-1], second[:, ::-1]
    if array_format in (Box2DFormat.XYWH, Box2DFormat.YXHW):
        return second / 2, first + second / 2
    if array_format in (Box2DFormat.XYXY, Box2DFormat.YXYX):
        return (second - first) / 2, (first + second) / 2
    return (second / 2 if array_format is Box2DFormat.XCYCWH else second), first


def _halves_and_centers(
    archetype: str, size: int, sizes: Any, mins: Any, half_sizes: Any, centers: Any
) -> tuple[Any, Any]:
    exclusive(archetype, sizes=sizes, half_sizes=half_sizes)
    exclusive(archetype, mins=mins, centers=centers)
    if sizes is not None:
        half_sizes = _vectors(archetype, "sizes", size, sizes) / 2
    if mins is not None:
        if half_sizes is None:
            raise UsageError(f"{archetype}: mins needs sizes or half_sizes")
        try:
            centers = _vectors(archetype, "mins", size, mins) + _vectors(archetype, "half_sizes", size, half_sizes)
        except ValueError:
            raise DataError(f"{archetype}: mins and sizes have different lengths") from None
    return half_sizes, centers


def _vectors(archetype: str, name: str, size: int, value: Any) -> Any:
    return numbers(value, ComponentDescriptor(f"{archetype}:{name}", "float32", (size,))).values


class Boxes3D(FieldsArchetype):
    """Boxes in space."""

    __slots__ = ()

    FIELDS = fields(
        "Boxes3D",
        half_sizes=kinds.HALF_SIZE_3D,
        centers=kinds.TRANSLATION_3D,
        rotation_axis_angles=kinds.ROTATION_AXIS_ANGLE,
        quaternions=kinds.ROTATION_QUAT,
        colors=kinds.COLOR,
        radii=kinds.RADIUS,
        fill_mode=kinds.FILL_MODE,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        sizes: ArrayLike | None = None,
        mins: ArrayLike | None = None,
        half_sizes: ArrayLike | None = None,
        centers: ArrayLike | None = None,
        rotation_axis_angles: Any = None,
        quaternions: Any = None,
        rotations: Any = None,
        colors: ColorsLike | None = None,
        radii: FloatsLike | None = None,
        fill_mode: EnumLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take boxes by their sizes and places.

        Args:
            sizes: The extent along each axis: shape (N, 3).
            mins: The least corner, instead of ``centers``.
            half_sizes: Half of the extent along each axis, instead of ``sizes``.
            centers: Where their centers are.
            rotation_axis_angles: Rotations as axes with angles.
            quaternions: Rotations as quaternions, or numbers ``xyzw`` of shape (N, 4).
            rotations: Rotations of one kind, told by their type.
            colors: One color, or one per box.
            radii: The radii of the lines; negative ones in UI points.
            fill_mode: How surfaces are drawn.
            labels: One text, or one per box.
            show_labels: Whether labels are shown.
            class_ids: One id of an annotation context, or one per box.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        half_sizes, centers = _halves_and_centers("Boxes3D", 3, sizes, mins, half_sizes, centers)
        if rotations is not None:
            exclusive("Boxes3D", rotations=rotations, quaternions=quaternions)
            exclusive("Boxes3D", rotations=rotations, rotation_axis_angles=rotation_axis_angles)
            if _are_axis_angles(rotations):
                rotation_axis_angles = rotations
            else:
                quaternions = rotations
        self._fill(
            half_sizes,
            centers,
            rotation_axis_angles,
            quaternions,
            colors,
            radii,
            fill_mode,
            labels,
            show_labels,
            class_ids,
            copy=copy,
        )


def _are_axis_angles(rotations: Any) -> bool:
    from asyncrr.archetypes.rotations import Rotation, RotationAxisAngle

    first = rotations[0] if isinstance(rotations, list | tuple) and rotations else rotations
    return isinstance(first.inner if isinstance(first, Rotation) else first, RotationAxisAngle)
