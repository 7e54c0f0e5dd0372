"""Grids of cells that lie in space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, BlobLike, EnumLike, FloatLike
    from asyncrr.archetypes.pixels import ImageFormat
    from asyncrr.archetypes.rotations import Quaternion, RotationAxisAngle

__all__ = ["GridMap"]


class GridMap(FieldsArchetype):
    """A picture whose pixels are cells of a plane in space."""

    __slots__ = ()

    FIELDS = fields(
        "GridMap",
        data=kinds.IMAGE_BUFFER,
        format=kinds.IMAGE_FORMAT,
        cell_size=kinds.CELL_SIZE,
        translation=kinds.TRANSLATION_3D,
        rotation_axis_angle=kinds.ROTATION_AXIS_ANGLE,
        quaternion=kinds.ROTATION_QUAT,
        opacity=kinds.OPACITY,
        draw_order=kinds.DRAW_ORDER,
        colormap=kinds.COLORMAP,
    )

    def __init__(
        self,
        data: BlobLike,
        format: ImageFormat | dict[str, Any],  # noqa: A002 - Rerun's name
        cell_size: FloatLike,
        *,
        translation: ArrayLike | None = None,
        rotation_axis_angle: RotationAxisAngle | None = None,
        quaternion: Quaternion | ArrayLike | None = None,
        opacity: FloatLike | None = None,
        draw_order: FloatLike | None = None,
        colormap: EnumLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take cells.

        Args:
            data: Their bytes, row by row.
            format: An :class:`ImageFormat`, or a mapping of its arguments.
            cell_size: The length of a cell's side.
            translation: Where the grid's corner is.
            rotation_axis_angle: How the grid is turned, as an axis with an angle.
            quaternion: The same as a quaternion.
            opacity: In 0..1.
            draw_order: Higher is in front.
            colormap: How numbers become colors.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        from asyncrr.archetypes.pixels import raw_bytes
        from asyncrr.components import ComponentBatch

        content, is_owned = raw_bytes(data, self.DESCRIPTORS[0], copy)
        self._fill(
            ComponentBatch(self.DESCRIPTORS[0], [content], is_owned),
            format,
            cell_size,
            translation,
            rotation_axis_angle,
            quaternion,
            opacity,
            draw_order,
            colormap,
            copy=copy,
        )
