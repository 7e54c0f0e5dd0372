"""Where things are: transforms, cameras, coordinate systems."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype, exclusive
from asyncrr.archetypes.kinds import fields
from asyncrr.archetypes.rotations import Quaternion, Rotation, RotationAxisAngle
from asyncrr.coercion import DTYPES, numbers, numeric_array, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor
from asyncrr.errors import DataError, UsageError

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, BoolLike, ColorLike, EnumLike, FloatLike

__all__ = ["CoordinateFrame", "InstancePoses3D", "Pinhole", "Transform3D", "TransformAxes3D", "ViewCoordinates"]


class Transform3D(FieldsArchetype):
    """How one space lies in another."""

    __slots__ = ()

    FIELDS = fields(
        "Transform3D",
        translation=kinds.TRANSLATION_3D,
        rotation_axis_angle=kinds.ROTATION_AXIS_ANGLE,
        quaternion=kinds.ROTATION_QUAT,
        scale=kinds.SCALE_3D,
        mat3x3=kinds.MAT_3X3,
        relation=kinds.TRANSFORM_RELATION,
        child_frame=kinds.FRAME_ID,
        parent_frame=kinds.FRAME_ID,
    )

    def __init__(
        self,
        *,
        translation: ArrayLike | None = None,
        rotation: Quaternion | RotationAxisAngle | Rotation | None = None,
        rotation_axis_angle: RotationAxisAngle | None = None,
        quaternion: Quaternion | ArrayLike | None = None,
        scale: ArrayLike | float | None = None,
        mat3x3: ArrayLike | None = None,
        from_parent: bool | None = None,
        relation: EnumLike | None = None,
        child_frame: str | None = None,
        parent_frame: str | None = None,
    ) -> None:
        """Take any of these; they apply from the last to the first.

        Args:
            translation: Three numbers.
            rotation: A quaternion or an axis with an angle.
            rotation_axis_angle: An axis with an angle.
            quaternion: A quaternion, or four numbers ``xyzw``.
            scale: One number, or one for each axis.
            mat3x3: A matrix, row by row.
            from_parent: ``True`` means ``relation=TransformRelation.ChildFromParent``.
            relation: Which way the transform goes.
            child_frame: The frame that is placed.
            parent_frame: The frame it is placed in.
        """
        if rotation is not None:
            exclusive("Transform3D", rotation=rotation, quaternion=quaternion)
            exclusive("Transform3D", rotation=rotation, rotation_axis_angle=rotation_axis_angle)
            inner = Rotation(rotation).inner
            if isinstance(inner, Quaternion):
                quaternion = inner
            else:
                rotation_axis_angle = inner
        if from_parent is not None:
            exclusive("Transform3D", from_parent=from_parent, relation=relation)
            relation = "ChildFromParent" if from_parent else None
        self._fill(translation, rotation_axis_angle, quaternion, scale, mat3x3, relation, child_frame, parent_frame)


class InstancePoses3D(FieldsArchetype):
    """Where the instances of an entity are, each with a pose of its own."""

    __slots__ = ()

    FIELDS = fields(
        "InstancePoses3D",
        translations=kinds.TRANSLATION_3D,
        rotation_axis_angles=kinds.ROTATION_AXIS_ANGLE,
        quaternions=kinds.ROTATION_QUAT,
        scales=kinds.SCALE_3D,
        mat3x3=kinds.MAT_3X3,
    )

    def __init__(
        self,
        *,
        translations: ArrayLike | None = None,
        rotation_axis_angles: Any = None,
        quaternions: Any = None,
        scales: ArrayLike | None = None,
        mat3x3: ArrayLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take poses.

        Args:
            translations: Shape (N, 3).
            rotation_axis_angles: Axes with angles.
            quaternions: Quaternions, or numbers ``xyzw`` of shape (N, 4).
            scales: Shape (N, 3).
            mat3x3: Matrices of shape (N, 3, 3), row by row.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(translations, rotation_axis_angles, quaternions, scales, mat3x3, copy=copy)


class CoordinateFrame(FieldsArchetype):
    """The frame that an entity's data lie in."""

    __slots__ = ()

    FIELDS = fields("CoordinateFrame", frame=kinds.FRAME_ID)

    def __init__(self, frame: str) -> None:
        """Take a frame.

        Args:
            frame: Its name.
        """
        self._fill(frame)


class TransformAxes3D(FieldsArchetype):
    """Draws the axes of a transform."""

    __slots__ = ()

    FIELDS = fields("TransformAxes3D", axis_length=kinds.AXIS_LENGTH, show_frame=kinds.SHOW_LABELS)

    def __init__(self, axis_length: FloatLike, *, show_frame: BoolLike | None = None) -> None:
        """Take the looks of axes.

        Args:
            axis_length: How long they are.
            show_frame: Whether the frame's name is shown.
        """
        self._fill(axis_length, show_frame)


class Pinhole(FieldsArchetype):
    """A camera without lens errors."""

    __slots__ = ()

    FIELDS = fields(
        "Pinhole",
        image_from_camera=kinds.PINHOLE_PROJECTION,
        resolution=kinds.RESOLUTION,
        camera_xyz=kinds.VIEW_COORDINATES,
        child_frame=kinds.FRAME_ID,
        parent_frame=kinds.FRAME_ID,
        image_plane_distance=kinds.IMAGE_PLANE_DISTANCE,
        color=kinds.COLOR,
        line_width=kinds.RADIUS,
    )

    def __init__(
        self,
        *,
        image_from_camera: ArrayLike | None = None,
        resolution: ArrayLike | None = None,
        camera_xyz: ViewCoordinates | ArrayLike | str | None = None,
        width: float | None = None,
        height: float | None = None,
        focal_length: float | ArrayLike | None = None,
        principal_point: ArrayLike | None = None,
        fov_y: float | None = None,
        aspect_ratio: float | None = None,
        child_frame: str | None = None,
        parent_frame: str | None = None,
        image_plane_distance: float | None = None,
        color: ColorLike | None = None,
        line_width: FloatLike | None = None,
    ) -> None:
        """Take ``image_from_camera``, or what it follows from: ``focal_length``, or ``fov_y`` and ``aspect_ratio``.

        Args:
            image_from_camera: The 3x3 projection, row by row.
            resolution: Width and height in pixels.
            camera_xyz: Which way the axes of the camera point; without it ``ViewCoordinates.RDF``.
            width: In pixels; with ``height``, instead of ``resolution``.
            height: In pixels.
            focal_length: In pixels: one number, or one for each axis.
            principal_point: In pixels; without it the middle.
            fov_y: The vertical field of view in radians.
            aspect_ratio: Width divided by height.
            child_frame: The frame of the picture.
            parent_frame: The frame of the camera.
            image_plane_distance: How far from the camera the picture is shown in space.
            color: The color of the frustum.
            line_width: The width of its lines.
        """
        if width is not None or height is not None:
            exclusive("Pinhole", resolution=resolution, width=width)
            exclusive("Pinhole", resolution=resolution, height=height)
            if width is not None and height is not None:
                resolution = [width, height]
        if image_from_camera is None:
            image_from_camera, resolution = _projection(resolution, focal_length, principal_point, fov_y, aspect_ratio)
        else:
            exclusive("Pinhole", image_from_camera=image_from_camera, focal_length=focal_length)
            exclusive("Pinhole", image_from_camera=image_from_camera, principal_point=principal_point)
            exclusive("Pinhole", image_from_camera=image_from_camera, fov_y=fov_y)
            exclusive("Pinhole", image_from_camera=image_from_camera, aspect_ratio=aspect_ratio)
        self._fill(
            image_from_camera,
            resolution,
            camera_xyz,
            child_frame,
            parent_frame,
            image_plane_distance,
            color,
            line_width,
        )


def _projection(
    resolution: Any, focal_length: Any, principal_point: Any, fov_y: float | None, aspect_ratio: float | None
) -> tuple[list[list[float]], Any]:
    if fov_y is not None and aspect_ratio is not None:
        exclusive("Pinhole", focal_length=focal_length, fov_y=fov_y)
        focal_length = 0.5 / math.tan(max(fov_y * 0.5, float(np.finfo(np.float32).eps)))
        resolution = [aspect_ratio, 1.0]
    size = None if resolution is None else _pair(resolution, "resolution")
    if focal_length is None:
        raise UsageError(
            "Pinhole: give image_from_camera, focal_length (with width and height, or principal_point), "
            "or fov_y with aspect_ratio"
        )
    if principal_point is not None:
        center = _pair(principal_point, "principal_point")
    elif size is not None:
        center = (size[0] / 2, size[1] / 2)
    else:
        raise UsageError("Pinhole: focal_length needs principal_point, resolution, or width and height")
    focal = (focal_length, focal_length) if np.ndim(focal_length) == 0 else focal_length
    across, down = _pair(focal, "focal_length")
    return [[across, 0.0, center[0]], [0.0, down, center[1]], [0.0, 0.0, 1.0]], resolution


def _pair(value: Any, name: str) -> tuple[float, float]:
    array, _ = numeric_array(value, ComponentDescriptor(f"Pinhole:{name}", "float64", (2,)), DTYPES["float64"])
    if array.size != 2:
        raise DataError(f"Pinhole({name}=...): two numbers are needed; got {value!r}")
    return float(array.reshape(-1)[0]), float(array.reshape(-1)[1])


_DIRECTIONS = {"U": 1, "D": 2, "R": 3, "L": 4, "F": 5, "B": 6}
_HANDED = {
    "RIGHT_HAND_X_UP": "URF",
    "RIGHT_HAND_X_DOWN": "DRB",
    "RIGHT_HAND_Y_UP": "RUB",
    "RIGHT_HAND_Y_DOWN": "RDF",
    "RIGHT_HAND_Z_UP": "RFU",
    "RIGHT_HAND_Z_DOWN": "RBD",
    "LEFT_HAND_X_UP": "URB",
    "LEFT_HAND_X_DOWN": "DRF",
    "LEFT_HAND_Y_UP": "RUF",
    "LEFT_HAND_Y_DOWN": "RDB",
    "LEFT_HAND_Z_UP": "RBU",
    "LEFT_HAND_Z_DOWN": "RFD",
}


def _directions(name: str) -> list[int] | None:
    """What ``RDF`` or ``RIGHT_HAND_Y_DOWN`` says of the three axes; ``None`` if it says nothing."""
    letters = _HANDED.get(name.upper(), name.upper())
    if len(letters) != 3 or {"UD", "RL", "FB"} != {pair for pair in ("UD", "RL", "FB") if set(pair) & set(letters)}:
        return None
    return [_DIRECTIONS[letter] for letter in letters]


class _Constants(type):
    """Makes ``ViewCoordinates.RDF`` and its like when they are first asked for."""

    def __getattr__(cls, name: str) -> ViewCoordinates:
        if not name.isupper() or _directions(name) is None:
            raise AttributeError(f"ViewCoordinates has no attribute {name!r}")
        constant: ViewCoordinates = cls(name)
        setattr(cls, name, constant)
        return constant

    def __dir__(cls) -> list[str]:
        axes = [
            "".join(letters)
            for sides in itertools.permutations(("UD", "RL", "FB"))
            for letters in itertools.product(*sides)
        ]
        return sorted({*super().__dir__(), *_HANDED, *axes})


class ViewCoordinates(FieldsArchetype, metaclass=_Constants):
    """Which way the axes of a space point.

    Constants name the directions of X, Y and Z: ``ViewCoordinates.RDF`` is right, down, forward, and so is
    ``ViewCoordinates.RIGHT_HAND_Y_DOWN``.
    """

    __slots__ = ()

    FIELDS = fields("ViewCoordinates", xyz=kinds.VIEW_COORDINATES)

    def __init__(self, xyz: ViewCoordinates | ArrayLike | str) -> None:
        """Take the directions of the axes.

        Args:
            xyz: Three numbers (1 up, 2 down, 3 right, 4 left, 5 forward, 6 back), or a name such as ``RDF``.
        """
        self._fill(xyz)


def _axes(value: Any, descriptor: ComponentDescriptor) -> Any:
    if isinstance(value, str):
        found = _directions(value)
        if found is None:
            raise refusal(descriptor, value, "three different axes are needed, such as 'RDF'")
        return found
    return value.xyz[0] if isinstance(value, ViewCoordinates) else value


def view_coordinates(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Directions of axes: a :class:`ViewCoordinates`, its name, or three numbers."""
    if isinstance(value, ViewCoordinates | str):
        value = _axes(value, descriptor)
    elif isinstance(value, list | tuple):
        value = [_axes(item, descriptor) for item in value]
    batch = numbers(value, descriptor, copy)
    rows: Any = batch.values
    for row in rows:
        if sorted((int(direction) - 1) // 2 for direction in row) != [0, 1, 2] or 0 in row:
            raise refusal(descriptor, value, "one of up/down (1, 2), right/left (3, 4), forward/back (5, 6) each")
    return batch
