"""Points in the plane and in space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import (
        ArrayLike,
        BoolLike,
        ColorsLike,
        EnumLike,
        FloatLike,
        FloatsLike,
        IdsLike,
        TextsLike,
    )

__all__ = ["Points2D", "Points3D", "Radius"]


class Radius(float):
    """A radius in scene units; a negative one is in UI points.

    As an argument it is nothing but a number.
    """

    __slots__ = ()

    @staticmethod
    def ui_points(radius: FloatsLike) -> np.ndarray[Any, Any]:
        """Radii in UI points, which keep their size on the screen.

        Args:
            radius: One or more.
        """
        return -np.abs(np.atleast_1d(np.asarray(radius, np.float32)))

    @staticmethod
    def scene_units(radius: FloatsLike) -> np.ndarray[Any, Any]:
        """Radii in the units of the scene.

        Args:
            radius: One or more.
        """
        return np.abs(np.atleast_1d(np.asarray(radius, np.float32)))


class Points2D(FieldsArchetype):
    """Points in the plane."""

    __slots__ = ()

    FIELDS = fields(
        "Points2D",
        positions=kinds.POSITION_2D,
        radii=kinds.RADIUS,
        colors=kinds.COLOR,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        draw_order=kinds.DRAW_ORDER,
        class_ids=kinds.CLASS_ID,
        keypoint_ids=kinds.KEYPOINT_ID,
    )

    def __init__(
        self,
        positions: ArrayLike,
        *,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        draw_order: FloatLike | None = None,
        class_ids: IdsLike | None = None,
        keypoint_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take points.

        Args:
            positions: Shape (N, 2).
            radii: In scene units; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per instance.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            draw_order: Higher is in front.
            class_ids: One id of an annotation context, or one per instance.
            keypoint_ids: One id of a keypoint of the class, or one per instance; without `class_ids` of class 0.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            positions,
            radii,
            colors,
            labels,
            show_labels,
            draw_order,
            _class_ids(class_ids, keypoint_ids),
            keypoint_ids,
            copy=copy,
        )


class Points3D(FieldsArchetype):
    """Points in space."""

    __slots__ = ()

    FIELDS = fields(
        "Points3D",
        positions=kinds.POSITION_3D,
        radii=kinds.RADIUS,
        colors=kinds.COLOR,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        point_shading=kinds.POINT_SHADING,
        class_ids=kinds.CLASS_ID,
        keypoint_ids=kinds.KEYPOINT_ID,
    )

    def __init__(
        self,
        positions: ArrayLike,
        *,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        point_shading: EnumLike | None = None,
        class_ids: IdsLike | None = None,
        keypoint_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take points.

        Args:
            positions: Shape (N, 3).
            radii: In scene units; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per instance.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            point_shading: How points are shaded.
            class_ids: One id of an annotation context, or one per instance.
            keypoint_ids: One id of a keypoint of the class, or one per instance; without `class_ids` of class 0.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            positions,
            radii,
            colors,
            labels,
            show_labels,
            point_shading,
            _class_ids(class_ids, keypoint_ids),
            keypoint_ids,
            copy=copy,
        )


def _class_ids(class_ids: IdsLike | None, keypoint_ids: IdsLike | None) -> IdsLike | None:
    """Keypoints belong to a class: to 0 where none is given."""
    return 0 if class_ids is None and keypoint_ids is not None else class_ids
