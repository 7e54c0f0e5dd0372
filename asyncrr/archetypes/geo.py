"""Points and lines on the map of the Earth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, ColorsLike, FloatsLike, IdsLike

__all__ = ["GeoLineStrings", "GeoPoints"]


class GeoPoints(FieldsArchetype):
    """Points on the map."""

    __slots__ = ()

    FIELDS = fields(
        "GeoPoints",
        positions=kinds.LAT_LON,
        radii=kinds.RADIUS,
        colors=kinds.COLOR,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        lat_lon: ArrayLike,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take points.

        Args:
            lat_lon: Latitude and longitude in degrees: shape (N, 2).
            radii: In meters; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per point.
            class_ids: One id of an annotation context, or one per point.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(lat_lon, radii, colors, class_ids, copy=copy)


class GeoLineStrings(FieldsArchetype):
    """Connected lines on the map."""

    __slots__ = ()

    FIELDS = fields("GeoLineStrings", line_strings=kinds.GEO_LINE_STRING, radii=kinds.RADIUS, colors=kinds.COLOR)

    def __init__(
        self,
        *,
        lat_lon: ArrayLike,
        radii: FloatsLike | None = None,
        colors: ColorsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take lines.

        Args:
            lat_lon: For each line its points, latitude and longitude in degrees: shape (N, 2).
            radii: In meters; negative ones (``Radius.ui_points``) in UI points.
            colors: One color, or one per line.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(lat_lon, radii, colors, copy=copy)
