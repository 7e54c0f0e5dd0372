"""Surfaces: meshes, and files that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.files import read_blob
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import refusal
from asyncrr.components import ComponentBatch

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, BlobLike, ColorLike, ColorsLike, EnumLike, IdsLike, PathLike

__all__ = ["Asset3D", "Mesh3D"]


class Mesh3D(FieldsArchetype):
    """A surface of triangles."""

    __slots__ = ()

    FIELDS = fields(
        "Mesh3D",
        vertex_positions=kinds.POSITION_3D,
        triangle_indices=kinds.TRIANGLE_INDICES,
        vertex_normals=kinds.VECTOR_3D,
        vertex_colors=kinds.COLOR,
        vertex_texcoords=kinds.TEXCOORD_2D,
        albedo_factor=kinds.ALBEDO_FACTOR,
        face_rendering=kinds.MESH_FACE_RENDERING,
        albedo_texture_buffer=kinds.IMAGE_BUFFER,
        albedo_texture_format=kinds.IMAGE_FORMAT,
        class_ids=kinds.CLASS_ID,
    )

    def __init__(
        self,
        *,
        vertex_positions: ArrayLike,
        triangle_indices: ArrayLike | None = None,
        vertex_normals: ArrayLike | None = None,
        vertex_colors: ColorsLike | None = None,
        vertex_texcoords: ArrayLike | None = None,
        albedo_texture: ArrayLike | None = None,
        albedo_factor: ColorLike | None = None,
        face_rendering: EnumLike | None = None,
        class_ids: IdsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take a surface.

        Args:
            vertex_positions: Shape (N, 3).
            triangle_indices: For each triangle its three vertices; without them every three vertices are one.
            vertex_normals: Shape (N, 3).
            vertex_colors: One color, or one per vertex.
            vertex_texcoords: Shape (N, 2).
            albedo_texture: A picture (height, width, 3 or 4).
            albedo_factor: A color that all others are multiplied with.
            face_rendering: Which sides are drawn.
            class_ids: One id of an annotation context, or one per vertex.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        buffer, picture_format = None, None
        if albedo_texture is not None:
            buffer, picture_format = _texture(albedo_texture, copy)
        self._fill(
            vertex_positions,
            triangle_indices,
            vertex_normals,
            vertex_colors,
            vertex_texcoords,
            albedo_factor,
            face_rendering,
            buffer,
            picture_format,
            class_ids,
            copy=copy,
        )


def _texture(image: Any, copy: bool) -> tuple[ComponentBatch, Any]:
    from asyncrr.archetypes.enums import ColorModel
    from asyncrr.archetypes.pixels import ImageFormat, pixel_bytes, pixel_layout

    descriptor = Mesh3D.DESCRIPTORS[7]
    array = pixel_layout(image, descriptor)
    if array.ndim != 3 or array.shape[2] not in (3, 4):
        raise refusal(descriptor, array, "a texture has shape (height, width, 3) or (height, width, 4)")
    flat, datatype, is_owned = pixel_bytes(array, image, descriptor, copy)
    model = ColorModel.RGB if array.shape[2] == 3 else ColorModel.RGBA
    picture_format = ImageFormat(array.shape[1], array.shape[0], color_model=model, channel_datatype=datatype)
    return ComponentBatch(descriptor, [flat], is_owned), picture_format


class Asset3D(FieldsArchetype):
    """The content of a file that holds a scene: glTF, OBJ, STL, …"""

    __slots__ = ()

    FIELDS = fields("Asset3D", blob=kinds.BLOB, media_type=kinds.MEDIA_TYPE, albedo_factor=kinds.ALBEDO_FACTOR)

    def __init__(
        self,
        *,
        path: PathLike | None = None,
        contents: BlobLike | None = None,
        media_type: str | None = None,
        albedo_factor: ColorLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take the content of a file.

        Args:
            path: The file.
            contents: Its content, instead.
            media_type: What it is; guessed from the content or the name where it is left out.
            albedo_factor: A color that all others are multiplied with.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        blob, media_type = read_blob("Asset3D", path, contents, media_type)
        self._fill(blob, media_type, albedo_factor, copy=copy)
