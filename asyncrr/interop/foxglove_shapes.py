"""Shapes of Foxglove's scenes: boxes, lines, arrows and meshes as their primitives, with poses and colors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

__all__ = ["arrows", "boxes", "each", "lines", "mesh", "pose", "quaternion", "turns"]

Array: TypeAlias = "np.ndarray[Any, Any]"
Fields: TypeAlias = "Mapping[str, Any]"

_WHITE = 0xFFFFFFFF


def boxes(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
    """Cubes of ``Boxes3D``."""
    halves = fields.get("half_sizes")
    if halves is None:
        return None
    count = len(halves)
    centers = each(fields.get("centers", ()), count, np.zeros(3))
    rotations = each(list(turns(fields)), count, np.array([0, 0, 0, 1]))
    colors = each(fields.get("colors", ()), count, _WHITE)
    return {
        "cubes": [
            messages.CubePrimitive(
                pose=pose(messages, center, turn),
                size=messages.Vector3(x=float(half[0]) * 2, y=float(half[1]) * 2, z=float(half[2]) * 2),
                color=_color(messages, color),
            )
            for half, center, turn, color in zip(halves, centers, rotations, colors, strict=True)
        ]
    }


def lines(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
    """Lines of ``LineStrips3D``."""
    strips = fields.get("strips")
    if strips is None:
        return None
    colors = each(fields.get("colors", ()), len(strips), _WHITE)
    radii = each(fields.get("radii", ()), len(strips), 0.005)
    return {
        "lines": [
            messages.LinePrimitive(
                type=messages.LinePrimitiveLineType.LineStrip,
                thickness=2 * abs(float(radius)),
                scale_invariant=bool(radius < 0),  # points on the screen
                points=_points(messages, strip),
                color=_color(messages, color),
            )
            for strip, color, radius in zip(strips, colors, radii, strict=True)
        ]
    }


def arrows(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
    """Arrows of ``Arrows3D``."""
    vectors = fields.get("vectors")
    if vectors is None:
        return None
    origins = each(fields.get("origins", ()), len(vectors), np.zeros(3))
    colors = each(fields.get("colors", ()), len(vectors), _WHITE)
    found = []
    for vector, origin, color in zip(np.asarray(vectors, np.float64), origins, colors, strict=True):
        length = float(np.linalg.norm(vector))
        found.append(
            messages.ArrowPrimitive(
                pose=pose(messages, origin, _turn_from_x(vector, length)),
                shaft_length=0.8 * length,
                shaft_diameter=0.05 * length,
                head_length=0.2 * length,
                head_diameter=0.1 * length,
                color=_color(messages, color),
            )
        )
    return {"arrows": found}


def mesh(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
    """Triangles of ``Mesh3D``, unless it has a texture."""
    positions = fields.get("vertex_positions")
    if positions is None or len(fields.get("albedo_texture_buffer", ())):
        return None
    triangles = fields.get("triangle_indices", ())
    tints = fields.get("vertex_colors", ())
    return {
        "triangles": [
            messages.TriangleListPrimitive(
                points=_points(messages, positions),
                indices=np.asarray(triangles).reshape(-1).tolist(),
                color=_color(messages, fields["albedo_factor"][0] if len(fields.get("albedo_factor", ())) else _WHITE),
                colors=[_color(messages, tint) for tint in each(tints, len(positions))] if len(tints) else [],
            )
        ]
    }


def each(values: Any, count: int, default: Any = None) -> Any:
    """One value for each instance: the last one counts for those that have none."""
    if not len(values):
        return [default] * count
    if isinstance(values, np.ndarray):
        return values[np.minimum(np.arange(count), len(values) - 1)]
    return [values[min(place, len(values) - 1)] for place in range(count)]


def turns(fields: Fields) -> Iterator[Array]:
    """Rotations as quaternions ``xyzw``."""
    for field in ("quaternions", "quaternion"):
        yield from np.asarray(fields.get(field, ()), np.float64)
    for field in ("rotation_axis_angles", "rotation_axis_angle"):
        for turn in fields.get(field, ()):
            axis, half = np.asarray(turn["axis"], np.float64), float(turn["angle"]) / 2
            length = float(np.linalg.norm(axis)) or 1.0
            yield np.array([*(axis / length * math.sin(half)), math.cos(half)])


def _turn_from_x(vector: Array, length: float) -> Array:
    """The rotation that turns the x axis to a vector."""
    if not length:
        return np.array([0.0, 0.0, 0.0, 1.0])
    x, y, z = vector / length
    if x < -1 + 1e-9:
        return np.array([0.0, 0.0, 1.0, 0.0])
    turn = np.array([0.0, -z, y, 1 + x])
    turn /= np.linalg.norm(turn)
    return turn


def pose(messages: Any, position: Any, turn: Any) -> Any:
    """A pose of a position and a quaternion."""
    return messages.Pose(
        position=messages.Vector3(x=float(position[0]), y=float(position[1]), z=float(position[2])),
        orientation=quaternion(messages, turn),
    )


def quaternion(messages: Any, turn: Any) -> Any:
    """A quaternion ``xyzw``."""
    return messages.Quaternion(x=float(turn[0]), y=float(turn[1]), z=float(turn[2]), w=float(turn[3]))


def _points(messages: Any, positions: Any) -> list[Any]:
    return [messages.Point3(x=x, y=y, z=z) for x, y, z in np.asarray(positions, np.float64).tolist()]


def _color(messages: Any, color: Any) -> Any:
    red, green, blue, alpha = (((int(color) >> shift) & 0xFF) / 255 for shift in (24, 16, 8, 0))
    return messages.Color(r=red, g=green, b=blue, a=alpha)
