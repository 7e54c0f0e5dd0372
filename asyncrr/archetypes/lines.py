"""Lines and arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, BoolLike, ColorsLike, FloatLike, FloatsLike, IdsLike, TextsLike

__all__ = ["Arrows2D", "Arrows3D", "LineStrips2D", "LineStrips3D"]


class LineStrips2D(FieldsArchetype):
    """Connected lines in the plane."""

    __slots__ = ()

    FIELDS = fields(
        "LineStrips2D",
        strips=kinds.LINE_STRIP_2D,
        radii=kinds.RADIUS,
        colors=kinds.COLOR,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        draw_order=kinds.DRAW_ORDER,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        strips: ArrayLike,
        *,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        draw_order: FloatLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take strips.

        Args:
            strips: For each strip its points, of shape (N, 2).
            radii: In scene units; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per instance.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            draw_order: Higher is in front.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            strips,
            radii,
            colors,
            labels,
            show_labels,
            draw_order,
            class_ids,
            copy=copy,
        )


class LineStrips3D(FieldsArchetype):
    """Connected lines in space."""

    __slots__ = ()

    FIELDS = fields(
        "LineStrips3D",
        strips=kinds.LINE_STRIP_3D,
        radii=kinds.RADIUS,
        colors=kinds.COLOR,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        strips: ArrayLike,
        *,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take strips.

        Args:
            strips: For each strip its points, of shape (N, 3).
            radii: In scene units; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per instance.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            strips,
            radii,
            colors,
            labels,
            show_labels,
            class_ids,
            copy=copy,
        )


class Arrows2D(FieldsArchetype):
    """Arrows in the plane."""

    __slots__ = ()

    FIELDS = fields(
        "Arrows2D",
        vectors=kinds.VECTOR_2D,
        origins=kinds.POSITION_2D,
        radii=kinds.RADIUS,
        colors=kinds.COLOR,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        draw_order=kinds.DRAW_ORDER,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        vectors: ArrayLike,
        origins: ArrayLike | None = None,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        draw_order: FloatLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take arrows.

        Args:
            vectors: How far they go: shape (N, 2).
            origins: Where they begin.
            radii: In scene units; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per instance.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            draw_order: Higher is in front.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            vectors,
            origins,
            radii,
            colors,
            labels,
            show_labels,
            draw_order,
            class_ids,
            copy=copy,
        )


class Arrows3D(FieldsArchetype):
    """Arrows in space."""

    __slots__ = ()

    FIELDS = fields(
        "Arrows3D",
        vectors=kinds.VECTOR_3D,
        origins=kinds.POSITION_3D,
        radii=kinds.RADIUS,
        colors=kinds.COLOR,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        vectors: ArrayLike,
        origins: ArrayLike | None = None,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take arrows.

        Args:
            vectors: How far they go: shape (N, 3).
            origins: Where they begin.
            radii: In scene units; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per instance.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            class_ids: One id of an annotation context, or one per instance.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            vectors,
            origins,
            radii,
            colors,
            labels,
            show_labels,
            class_ids,
            copy=copy,
        )
