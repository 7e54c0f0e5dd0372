"""Rotations, scales and matrices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from asyncrr.coercion import DTYPES, numbers, numeric_array, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor, Struct
from asyncrr.errors import UsageError
from asyncrr.refusals import Deferring

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike

__all__ = ["Angle", "Quaternion", "Rotation", "RotationAxisAngle"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_QUATERNION = ComponentDescriptor("Quaternion:xyzw", "float32", (4,))
_AXIS = ComponentDescriptor("RotationAxisAngle:axis", "float32", (3,))


class Angle(Deferring):
    """An angle.

    Attributes:
        radians: In radians.
    """

    __slots__ = ("radians",)

    def __init__(self, rad: float | None = None, deg: float | None = None) -> None:
        """Take an angle in either unit.

        Args:
            rad: In radians.
            deg: In degrees.
        """
        if (rad is None) == (deg is None):
            raise UsageError("Angle: give either rad or deg")
        self.radians: float = float(rad) if rad is not None else math.radians(float(deg or 0.0))

    @property
    def degrees(self) -> float:
        """In degrees."""
        return math.degrees(self.radians)

    def _content(self) -> str:
        return f"rad={self.radians}"


class Quaternion(Deferring):
    """A rotation, as a quaternion.

    Attributes:
        xyzw: The imaginary parts, then the real one.
    """

    __slots__ = ("xyzw",)

    def __init__(self, *, xyzw: ArrayLike) -> None:
        """Take the four numbers.

        Args:
            xyzw: The imaginary parts, then the real one.
        """
        array, _ = numeric_array(xyzw, _QUATERNION, DTYPES["float32"])
        if array.shape != (4,):
            raise refusal(_QUATERNION, xyzw, "four numbers are needed")
        self.xyzw: Array = array

    @staticmethod
    def identity() -> Quaternion:
        """No rotation."""
        return Quaternion(xyzw=[0.0, 0.0, 0.0, 1.0])

    def _content(self) -> str:
        return f"xyzw={self.xyzw.tolist()}"


class RotationAxisAngle(Deferring):
    """A rotation around an axis.

    Attributes:
        axis: Its direction.
        angle: How far.
    """

    __slots__ = ("angle", "axis")

    def __init__(
        self,
        axis: ArrayLike,
        angle: float | Angle | None = None,
        *,
        radians: float | None = None,
        degrees: float | None = None,
    ) -> None:
        """Take an axis and one angle.

        Args:
            axis: Three numbers; their length does not count.
            angle: An :class:`Angle`, or radians.
            radians: In radians.
            degrees: In degrees.
        """
        given = [value for value in (angle, radians, degrees) if value is not None]
        if len(given) != 1:
            raise UsageError("RotationAxisAngle: give one of angle, radians and degrees")
        array, _ = numeric_array(axis, _AXIS, DTYPES["float32"])
        if array.shape != (3,):
            raise refusal(_AXIS, axis, "three numbers are needed")
        self.axis: Array = array
        if isinstance(angle, Angle):
            self.angle: Angle = angle
        elif degrees is not None:
            self.angle = Angle(deg=degrees)
        else:
            self.angle = Angle(rad=radians if radians is not None else angle)

    def as_struct(self) -> dict[str, Any]:
        """The mapping that is stored."""
        return {"axis": self.axis.tolist(), "angle": float(np.float32(self.angle.radians))}

    def _content(self) -> str:
        return f"{self.axis.tolist()}, radians={self.angle.radians}"


class Rotation(Deferring):
    """A rotation of either kind.

    Attributes:
        inner: A :class:`Quaternion` or a :class:`RotationAxisAngle`.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Quaternion | RotationAxisAngle | ArrayLike) -> None:
        """Take a rotation.

        Args:
            inner: A quaternion, an axis with an angle, or four numbers ``xyzw``.
        """
        if isinstance(inner, Rotation):
            inner = inner.inner
        self.inner: Quaternion | RotationAxisAngle = (
            inner if isinstance(inner, Quaternion | RotationAxisAngle) else Quaternion(xyzw=inner)
        )

    def _content(self) -> str:
        return repr(self.inner)


def quaternions(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Quaternions: objects, or numbers ``xyzw``."""
    if isinstance(value, Quaternion | Rotation):
        value = [value]
    if isinstance(value, list | tuple) and any(isinstance(item, Quaternion | Rotation) for item in value):
        value = [_xyzw(item, descriptor) for item in value]
    return numbers(value, descriptor, copy)


def _xyzw(item: Any, descriptor: ComponentDescriptor) -> Any:
    if isinstance(item, Rotation):
        item = item.inner
    if isinstance(item, RotationAxisAngle):
        raise refusal(descriptor, item, "quaternions are needed here")
    return item.xyzw if isinstance(item, Quaternion) else item


def axis_angles(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Rotations around axes: objects, pairs ``(axis, angle)``, or mappings."""
    is_one = isinstance(value, RotationAxisAngle | Rotation | dict) or _is_pair(value)
    structs: list[Struct] = [_axis_angle(item, descriptor).as_struct() for item in ([value] if is_one else value)]
    return ComponentBatch(descriptor, structs)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[1], int | float | Angle)


def _axis_angle(item: Any, descriptor: ComponentDescriptor) -> RotationAxisAngle:
    if isinstance(item, Rotation):
        item = item.inner
    if isinstance(item, RotationAxisAngle):
        return item
    if isinstance(item, dict):
        return RotationAxisAngle(**item)
    if _is_pair(item):
        return RotationAxisAngle(item[0], item[1])
    raise refusal(descriptor, item, "a RotationAxisAngle, or a pair of axis and angle, is needed")


def scales(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Scales: one number for all three axes, or one for each."""
    if np.size(value) == 1:
        array, _ = numeric_array(value, descriptor, DTYPES["float32"])
        value = np.full((1, 3), array.reshape(-1)[0], "<f4")
    return numbers(value, descriptor, copy)


def matrices(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """3x3 matrices, given row by row, stored column by column."""
    array, _ = numeric_array(value, descriptor, DTYPES["float32"])
    if array.shape in ((9,), (3, 3)):
        array = array.reshape(1, 3, 3)
    elif array.ndim == 2 and array.shape[1] == 9:
        array = array.reshape(-1, 3, 3)
    elif array.size == 0:
        array = array.reshape(0, 3, 3)
    if array.ndim != 3 or array.shape[1:] != (3, 3):
        raise refusal(descriptor, array, "3x3 matrices are needed: shape (3, 3) or (N, 3, 3)")
    columns = np.array(array.transpose(0, 2, 1), order="C").reshape(-1, 9)
    columns.flags.writeable = False
    return ComponentBatch(descriptor, columns)
