"""Round shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype, exclusive
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import numbers
from asyncrr.components import ComponentDescriptor

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, BoolLike, ColorsLike, EnumLike, FloatsLike, IdsLike, TextsLike

__all__ = ["Capsules3D", "Cylinders3D", "Ellipses2D", "Ellipsoids3D"]


class Capsules3D(FieldsArchetype):
    """Capsules: cylinders with round ends, along Z."""

    __slots__ = ()

    FIELDS = fields(
        "Capsules3D",
        lengths=kinds.LENGTH,
        radii=kinds.RADIUS,
        translations=kinds.TRANSLATION_3D,
        rotation_axis_angles=kinds.ROTATION_AXIS_ANGLE,
        quaternions=kinds.ROTATION_QUAT,
        colors=kinds.COLOR,
        line_radii=kinds.RADIUS,
        fill_mode=kinds.FILL_MODE,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        lengths: FloatsLike | None = None,
        radii: FloatsLike | None = None,
        translations: ArrayLike | None = None,
        rotation_axis_angles: ArrayLike | None = None,
        quaternions: ArrayLike | None = None,
        colors: ColorsLike | None = None,
        line_radii: FloatsLike | None = None,
        fill_mode: EnumLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take capsules.

        Args:
            lengths: How long they are.
            radii: Their radii.
            translations: Where they are.
            rotation_axis_angles: Rotations as axes with angles.
            quaternions: Rotations as quaternions, or numbers ``xyzw`` of shape (N, 4).
            colors: One color, or one per instance.
            line_radii: The radii of the lines.
            fill_mode: How surfaces are drawn.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            lengths,
            radii,
            translations,
            rotation_axis_angles,
            quaternions,
            colors,
            line_radii,
            fill_mode,
            labels,
            show_labels,
            class_ids,
            copy=copy,
        )


class Cylinders3D(FieldsArchetype):
    """Cylinders along Z."""

    __slots__ = ()

    FIELDS = fields(
        "Cylinders3D",
        lengths=kinds.LENGTH,
        radii=kinds.RADIUS,
        centers=kinds.TRANSLATION_3D,
        rotation_axis_angles=kinds.ROTATION_AXIS_ANGLE,
        quaternions=kinds.ROTATION_QUAT,
        colors=kinds.COLOR,
        line_radii=kinds.RADIUS,
        fill_mode=kinds.FILL_MODE,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        lengths: FloatsLike | None = None,
        radii: FloatsLike | None = None,
        centers: ArrayLike | None = None,
        rotation_axis_angles: ArrayLike | None = None,
        quaternions: ArrayLike | None = None,
        colors: ColorsLike | None = None,
        line_radii: FloatsLike | None = None,
        fill_mode: EnumLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take cylinders.

        Args:
            lengths: How long they are.
            radii: Their radii.
            centers: Where their centers are.
            rotation_axis_angles: Rotations as axes with angles.
            quaternions: Rotations as quaternions, or numbers ``xyzw`` of shape (N, 4).
            colors: One color, or one per instance.
            line_radii: The radii of the lines.
            fill_mode: How surfaces are drawn.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            lengths,
            radii,
            centers,
            rotation_axis_angles,
            quaternions,
            colors,
            line_radii,
            fill_mode,
            labels,
            show_labels,
            class_ids,
            copy=copy,
        )


class Ellipsoids3D(FieldsArchetype):
    """Ellipsoids and spheres."""

    __slots__ = ()

    FIELDS = fields(
        "Ellipsoids3D",
        half_sizes=kinds.HALF_SIZE_3D,
        centers=kinds.TRANSLATION_3D,
        rotation_axis_angles=kinds.ROTATION_AXIS_ANGLE,
        quaternions=kinds.ROTATION_QUAT,
        colors=kinds.COLOR,
        line_radii=kinds.RADIUS,
        fill_mode=kinds.FILL_MODE,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        half_sizes: ArrayLike | None = None,
        radii: FloatsLike | None = None,
        centers: ArrayLike | None = None,
        rotation_axis_angles: ArrayLike | None = None,
        quaternions: ArrayLike | None = None,
        colors: ColorsLike | None = None,
        line_radii: FloatsLike | None = None,
        fill_mode: EnumLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take ellipsoids by ``half_sizes``, or spheres by ``radii``.

        Args:
            half_sizes: Half of the extent along each axis: shape (N, 3).
            radii: The radii of spheres.
            centers: Where their centers are.
            rotation_axis_angles: Rotations as axes with angles.
            quaternions: Rotations as quaternions, or numbers ``xyzw`` of shape (N, 4).
            colors: One color, or one per instance.
            line_radii: The radii of the lines.
            fill_mode: How surfaces are drawn.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        exclusive("Ellipsoids3D", radii=radii, half_sizes=half_sizes)
        if radii is not None:
            half_sizes = np.repeat(_radii(radii)[:, None], 3, axis=1)
        self._fill(
            half_sizes,
            centers,
            rotation_axis_angles,
            quaternions,
            colors,
            line_radii,
            fill_mode,
            labels,
            show_labels,
            class_ids,
            copy=copy,
        )


_RADII = ComponentDescriptor("Ellipsoids3D:radii", "float32")


def _radii(value: Any) -> np.ndarray[Any, Any]:
    return numbers(value, _RADII).values  # type: ignore[return-value]


class Ellipses2D(FieldsArchetype):
    """Ellipses in the plane, with their axes along X and Y."""

    __slots__ = ()

    FIELDS = fields(
        "Ellipses2D",
        half_sizes=kinds.HALF_SIZE_2D,
        centers=kinds.POSITION_2D,
        colors=kinds.COLOR,
        line_radii=kinds.RADIUS,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        draw_order=kinds.DRAW_ORDER,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        half_sizes: ArrayLike | None = None,
        centers: ArrayLike | None = None,
        colors: ColorsLike | None = None,
        line_radii: FloatsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        draw_order: FloatsLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take ellipses.

        Args:
            half_sizes: Half of the extent along each axis: shape (N, 2).
            centers: Where their centers are.
            colors: One color, or one per instance.
            line_radii: The radii of the lines.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            draw_order: Higher is in front.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(half_sizes, centers, colors, line_radii, labels, show_labels, draw_order, class_ids, copy=copy)
