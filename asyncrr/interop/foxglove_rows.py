"""Foxglove's messages read: what each becomes as rows of archetypes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from asyncrr import archetypes
from asyncrr.interop.foxglove import RAW_ENCODINGS, VIDEO_FORMATS

__all__ = ["from_message"]

Rows: TypeAlias = "Iterator[tuple[list[str], Any]]"
"""Parts of an entity path below that of the topic, and what is logged there."""

_PACKED = {1: "u1", 2: "i1", 3: "<u2", 4: "<i2", 5: "<u4", 6: "<i4", 7: "<f4", 8: "<f8"}
_LEVELS = {1: "DEBUG", 2: "INFO", 3: "WARN", 4: "ERROR", 5: "CRITICAL"}
_ALIASES = {"8UC3": "bgr8", "8UC1": "mono8", "16UC1": "mono16", "yuv422_yuy2": "yuyv"}


def from_message(schema: str, message: Any) -> Rows | None:
    """The rows of a message; ``None`` where it is none of those that are known here, or has something that is not.

    Args:
        schema: Its name, such as ``foxglove.RawImage``.
        message: Decoded, with its fields as attributes.
    """
    make = _ROWS.get(schema)
    return None if make is None else make(message)


def _raw_image(message: Any) -> Rows | None:
    encoding = _ALIASES.get(message.encoding, message.encoding)
    if encoding not in RAW_ENCODINGS:
        return None
    pixel_format, color_model, datatype = RAW_ENCODINGS[encoding]
    width, height = message.width, message.height
    data = np.frombuffer(message.data, np.uint8)
    if color_model is not None:
        channels = {1: 1, 2: 3, 3: 4, 4: 3, 5: 4}[color_model]
        line = width * channels * {6: 1, 8: 2, 34: 4}[int(datatype or 6)]
        if message.step < line or data.size < message.step * height:
            return None
        data = np.ascontiguousarray(data[: message.step * height].reshape(height, message.step)[:, :line]).reshape(-1)
    picture = archetypes.Image(
        bytes=data.tobytes(),
        width=width,
        height=height,
        pixel_format=pixel_format,
        color_model=color_model,
        datatype=datatype if pixel_format is None else None,
    )
    return iter([([], picture)])


def _compressed_image(message: Any) -> Rows:
    kind = message.format.lower()
    media_type = kind if "/" in kind else f"image/{'jpeg' if kind == 'jpg' else kind}"
    return iter([([], archetypes.EncodedImage(contents=message.data, media_type=media_type))])


def _compressed_video(message: Any) -> Rows | None:
    codecs = {name: codec for codec, name in VIDEO_FORMATS.items()}
    if message.format not in codecs:
        return None
    return iter([([], archetypes.VideoStream(codec=codecs[message.format], sample=message.data))])


def _point_cloud(message: Any) -> Rows | None:
    names = [field.name for field in message.fields]
    if not {"x", "y"} <= set(names) or any(field.type not in _PACKED for field in message.fields):
        return None
    layout = np.dtype(
        {
            "names": names,
            "formats": [_PACKED[field.type] for field in message.fields],
            "offsets": [field.offset for field in message.fields],
            "itemsize": message.point_stride,
        }
    )
    points = np.frombuffer(message.data, layout, len(message.data) // message.point_stride)
    axes = [points[name] if name in names else np.zeros(len(points)) for name in "xyz"]
    positions = _turned(np.stack(axes, axis=1).astype(np.float64), message.pose)
    colors = None
    if {"red", "green", "blue"} <= set(names):
        alpha = points["alpha"] if "alpha" in names else np.full(len(points), 255)
        channels = [points["red"], points["green"], points["blue"], alpha]
        scale = 1 if points["red"].dtype.kind in "ui" else 255
        colors = np.stack([np.asarray(channel * scale, np.uint8) for channel in channels], axis=1)
    return iter([([], archetypes.Points3D(positions, colors=colors))])


def _turned(positions: Any, pose: Any) -> Any:
    """Positions in the frame that a pose is in."""
    turn = np.array([pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w])
    offset = np.array([pose.position.x, pose.position.y, pose.position.z])
    length = float(np.linalg.norm(turn))
    if length and abs(turn[3]) != length:
        axis, w = turn[:3] / length, turn[3] / length
        crossed = 2 * np.cross(axis, positions)
        positions = positions + w * crossed + np.cross(axis, crossed)
    return positions + offset


def _log(message: Any) -> Rows:
    return iter([([], archetypes.TextLog(message.message, level=_LEVELS.get(message.level)))])


def _frame_transform(message: Any) -> Rows:
    turn = message.rotation
    transform = archetypes.Transform3D(
        translation=[message.translation.x, message.translation.y, message.translation.z],
        quaternion=[turn.x, turn.y, turn.z, turn.w],
        parent_frame=message.parent_frame_id or None,
        child_frame=message.child_frame_id or None,
    )
    return iter([([], transform)])


def _frame_transforms(message: Any) -> Rows:
    for transform in message.transforms:
        for _, found in _frame_transform(transform):
            yield [transform.child_frame_id or "unnamed"], found


def _calibration(message: Any) -> Rows | None:
    if len(message.K) != 9:
        return None
    matrix = np.array(message.K).reshape(3, 3)
    return iter([([], archetypes.Pinhole(image_from_camera=matrix, resolution=[message.width, message.height]))])


def _location(message: Any) -> Rows:
    return iter([([], archetypes.GeoPoints(lat_lon=[[message.latitude, message.longitude]]))])


def _scene(message: Any) -> Rows | None:
    if any(entity.cylinders or entity.texts or entity.models or entity.spheres for entity in message.entities):
        return None
    return _shapes(message)


def _shapes(message: Any) -> Rows:
    for deletion in message.deletions:
        yield ([] if deletion.type else [deletion.id or "unnamed"]), archetypes.Clear(recursive=True)
    for entity in message.entities:
        below = [entity.id] if len(message.entities) > 1 else []
        if entity.cubes:
            sizes = np.array([[cube.size.x, cube.size.y, cube.size.z] for cube in entity.cubes])
            yield (
                below,
                archetypes.Boxes3D(
                    half_sizes=sizes / 2,
                    centers=_positions([cube.pose.position for cube in entity.cubes]),
                    quaternions=_quaternions(entity.cubes),
                    colors=_colors(entity.cubes),
                ),
            )
        if entity.lines:
            strips = [_strip(line) for line in entity.lines]
            yield below, archetypes.LineStrips3D(strips, colors=_colors(entity.lines))
        if entity.arrows:
            lengths = np.array([[arrow.shaft_length + arrow.head_length, 0, 0] for arrow in entity.arrows])
            vectors = [_turned(length, _Turn(arrow.pose)) for length, arrow in zip(lengths, entity.arrows, strict=True)]
            origins = _positions([arrow.pose.position for arrow in entity.arrows])
            yield below, archetypes.Arrows3D(vectors=np.array(vectors), origins=origins, colors=_colors(entity.arrows))
        for number, mesh in enumerate(entity.triangles):
            indices = np.array(mesh.indices or range(len(mesh.points)), np.uint32).reshape(-1, 3)
            place = [*below, *([f"mesh {number}"] if number else [])]
            yield (
                place,
                archetypes.Mesh3D(
                    vertex_positions=_turned(_positions(mesh.points), mesh.pose),
                    triangle_indices=indices,
                    vertex_colors=[_packed(color) for color in mesh.colors] or None,
                    albedo_factor=_packed(mesh.color),
                ),
            )


class _Turn:
    """A pose without its position."""

    def __init__(self, pose: Any) -> None:
        self.orientation = pose.orientation
        self.position = type(pose.position)()


def _positions(points: Any) -> Any:
    return np.array([[point.x, point.y, point.z] for point in points], np.float64).reshape(-1, 3)


def _quaternions(shapes: Any) -> Any:
    turns = [shape.pose.orientation for shape in shapes]
    return [
        [turn.x, turn.y, turn.z, turn.w] if any((turn.x, turn.y, turn.z, turn.w)) else [0, 0, 0, 1] for turn in turns
    ]


def _strip(line: Any) -> Any:
    points = _turned(_positions(line.points), line.pose)
    if line.indices:
        points = points[np.array(line.indices)]
    return np.concatenate([points, points[:1]]) if line.type == 1 else points


def _colors(shapes: Any) -> list[int]:
    return [_packed(shape.color) for shape in shapes]


def _packed(color: Any) -> int:
    channels = (float(color.r), float(color.g), float(color.b), float(color.a))
    red, green, blue, alpha = (round(min(max(one, 0.0), 1.0) * 255) for one in channels)
    return red << 24 | green << 16 | blue << 8 | alpha


_ROWS: dict[str, Callable[[Any], Rows | None]] = {
    "foxglove.RawImage": _raw_image,
    "foxglove.CompressedImage": _compressed_image,
    "foxglove.CompressedVideo": _compressed_video,
    "foxglove.PointCloud": _point_cloud,
    "foxglove.Log": _log,
    "foxglove.FrameTransform": _frame_transform,
    "foxglove.FrameTransforms": _frame_transforms,
    "foxglove.CameraCalibration": _calibration,
    "foxglove.LocationFix": _location,
    "foxglove.SceneUpdate": _scene,
}
