"""Foxglove's messages: rows of an archetype as one of their protobuf schemas, where one fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from asyncrr.archetypes.enums import ChannelDatatype, ColorModel, PixelFormat, VideoCodec
from asyncrr.extras import imported

__all__ = ["RAW_ENCODINGS", "VIDEO_FORMATS", "Place", "schema_name", "to_message"]

Array: TypeAlias = "np.ndarray[Any, Any]"
Fields: TypeAlias = "Mapping[str, Any]"

_U8, _U16, _F32 = ChannelDatatype.U8, ChannelDatatype.U16, ChannelDatatype.F32
RAW_ENCODINGS: dict[str, tuple[int | None, int | None, int | None]] = {
    "rgb8": (None, ColorModel.RGB, _U8),
    "rgba8": (None, ColorModel.RGBA, _U8),
    "bgr8": (None, ColorModel.BGR, _U8),
    "bgra8": (None, ColorModel.BGRA, _U8),
    "mono8": (None, ColorModel.L, _U8),
    "mono16": (None, ColorModel.L, _U16),
    "32FC1": (None, ColorModel.L, _F32),
    "nv12": (PixelFormat.NV12, None, None),
    "yuyv": (PixelFormat.YUY2, None, None),
    "bayer_rggb8": (PixelFormat.BayerRGGB8, None, None),
    "bayer_bggr8": (PixelFormat.BayerBGGR8, None, None),
    "bayer_gbrg8": (PixelFormat.BayerGBRG8, None, None),
    "bayer_grbg8": (PixelFormat.BayerGRBG8, None, None),
}
"""What an encoding of ``RawImage`` is called here: pixel format, color model, number type."""

VIDEO_FORMATS = {
    VideoCodec.H264: "h264",
    VideoCodec.H265: "h265",
    VideoCodec.VP9: "vp9",
    VideoCodec.AV1: "av1",
}
_LEVELS = {
    "TRACE": "Debug",
    "DEBUG": "Debug",
    "INFO": "Info",
    "WARN": "Warning",
    "ERROR": "Error",
    "CRITICAL": "Fatal",
}
_WHITE = 0xFFFFFFFF


class Place(NamedTuple):
    """Where a row belongs.

    Attributes:
        entity_path: Of its entity.
        frame_id: The frame that its positions are in.
        parent_id: The frame above that.
        time_ns: When, in nanoseconds since 1970 UTC.
    """

    entity_path: str
    frame_id: str
    parent_id: str
    time_ns: int


def schema_name(archetype: str) -> str | None:
    """The message for an archetype, where one may fit, such as ``RawImage``."""
    found = _MESSAGES.get(archetype)
    return None if found is None else found[0]


def to_message(archetype: str, fields: Fields, place: Place) -> bytes | None:
    """A row of an archetype as its message; ``None`` where the message cannot hold it.

    Args:
        archetype: Such as ``Image``.
        fields: Its components by field, as :class:`asyncrr.components.ComponentBatch` has their values.
        place: Where it belongs.

    Raises:
        MissingExtraError: foxglove-sdk is not installed.
    """
    messages = imported("foxglove.messages", "mcap")
    seconds, nanoseconds = divmod(place.time_ns, 10**9)
    if not 0 <= seconds < 2**32:
        return None
    message = _MESSAGES[archetype][1](messages, fields, place, messages.Timestamp(seconds, nanoseconds))
    return None if message is None else bytes(message.encode())


def _raw_image(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    if not len(fields.get("format", ())) or not len(fields.get("buffer", ())):
        return None
    form = fields["format"][0]
    color_model = form["color_model"]
    if color_model is None and form["pixel_format"] is None:  # depths and classes
        color_model = ColorModel.L
    pixels = form["pixel_format"]
    wanted = (None, color_model, form["channel_datatype"]) if pixels is None else (pixels, None, None)
    encodings = [name for name, found in RAW_ENCODINGS.items() if found == wanted]
    if not encodings:
        return None
    data: Array = fields["buffer"][0]
    width, height = form["width"], form["height"]
    step = width if encodings[0] == "nv12" else data.nbytes // height if height else 0
    return messages.RawImage(
        timestamp=timestamp,
        frame_id=place.frame_id,
        width=width,
        height=height,
        encoding=encodings[0],
        step=step,
        data=data.tobytes(),
    )


def _compressed_image(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    if not len(fields.get("blob", ())) or not len(fields.get("media_type", ())):
        return None
    kind = fields["media_type"][0].removeprefix("image/")
    if kind not in ("jpeg", "png", "webp", "avif"):
        return None
    return messages.CompressedImage(
        timestamp=timestamp, frame_id=place.frame_id, data=fields["blob"][0].tobytes(), format=kind
    )


def _compressed_video(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    if not len(fields.get("sample", ())) or not len(fields.get("codec", ())):
        return None
    kind = VIDEO_FORMATS.get(VideoCodec(int(fields["codec"][0])))
    if kind is None:
        return None
    return messages.CompressedVideo(
        timestamp=timestamp, frame_id=place.frame_id, data=fields["sample"][0].tobytes(), format=kind
    )


def _point_cloud(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    positions = fields.get("positions")
    if positions is None:
        return None
    layout: list[tuple[str, str]] = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
    has_colors = len(fields.get("colors", ())) > 0
    if has_colors:
        layout += [(name, "u1") for name in ("red", "green", "blue", "alpha")]
    packed = np.zeros(len(positions), layout)
    for axis, name in enumerate("xyz"):
        packed[name] = positions[:, axis]
    if has_colors:
        colors = _each(fields["colors"], len(positions))
        for shift, name in zip((24, 16, 8, 0), ("red", "green", "blue", "alpha"), strict=True):
            packed[name] = (colors >> shift) & 0xFF
    kinds = messages.PackedElementFieldNumericType
    described = []
    for name, kind in layout:
        offset = packed.dtype.fields[name][1]  # type: ignore[index]
        described.append(
            messages.PackedElementField(name=name, offset=offset, type=kinds.Uint8 if kind == "u1" else kinds.Float32)
        )
    return messages.PointCloud(
        timestamp=timestamp,
        frame_id=place.frame_id,
        point_stride=packed.dtype.itemsize,
        fields=described,
        data=packed.tobytes(),
        pose=_pose(messages, np.zeros(3), np.array([0, 0, 0, 1])),
    )


def _log(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    texts = fields.get("text", ())
    if len(texts) != 1:
        return None
    level = fields["level"][0] if len(fields.get("level", ())) else ""
    return messages.Log(
        timestamp=timestamp,
        level=getattr(messages.LogLevel, _LEVELS.get(level, "Unknown")),
        message=texts[0],
        name=place.entity_path,
    )


def _frame_transform(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    if len(fields.get("mat3x3", ())) or (len(fields.get("scale", ())) and not np.allclose(fields["scale"], 1)):
        return None
    if len(fields.get("relation", ())) and int(fields["relation"][0]) != 1:  # child from parent
        return None
    offset = fields["translation"][0] if len(fields.get("translation", ())) else np.zeros(3)
    turns = list(_turns(fields))
    names = [
        fields[name][0] if len(fields.get(name, ())) else default
        for name, default in (("parent_frame", place.parent_id), ("child_frame", place.entity_path))
    ]
    return messages.FrameTransform(
        timestamp=timestamp,
        parent_frame_id=names[0],
        child_frame_id=names[1],
        translation=messages.Vector3(x=float(offset[0]), y=float(offset[1]), z=float(offset[2])),
        rotation=_quaternion(messages, turns[0] if turns else np.array([0, 0, 0, 1])),
    )


def _calibration(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    if not len(fields.get("image_from_camera", ())):
        return None
    matrix = np.asarray(fields["image_from_camera"][0], np.float64).reshape(3, 3).T  # stored column by column
    size = fields["resolution"][0] if len(fields.get("resolution", ())) else (0, 0)
    return messages.CameraCalibration(
        timestamp=timestamp,
        frame_id=place.frame_id,
        width=int(size[0]),
        height=int(size[1]),
        K=matrix.reshape(-1).tolist(),
        P=np.hstack([matrix, np.zeros((3, 1))]).reshape(-1).tolist(),
    )


def _location(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
    positions = fields.get("positions", ())
    if len(positions) != 1:
        return None
    return messages.LocationFix(
        timestamp=timestamp,
        frame_id=place.frame_id,
        latitude=float(positions[0][0]),
        longitude=float(positions[0][1]),
    )


def _scene(make: Callable[..., dict[str, list[Any]] | None]) -> Callable[..., Any]:
    """A message of shapes, all in one scene entity that replaces what was there."""

    def scene(messages: Any, fields: Fields, place: Place, timestamp: Any) -> Any:
        shapes = make(messages, fields)
        if shapes is None:
            return None
        entity = messages.SceneEntity(
            timestamp=timestamp, frame_id=place.frame_id, id=place.entity_path, frame_locked=True, **shapes
        )
        return messages.SceneUpdate(entities=[entity])

    return scene


def _boxes(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
    halves = fields.get("half_sizes")
    if halves is None:
        return None
    count = len(halves)
    centers = _each(fields.get("centers", ()), count, np.zeros(3))
    turns = _each(list(_turns(fields)), count, np.array([0, 0, 0, 1]))
    colors = _each(fields.get("colors", ()), count, _WHITE)
    return {
        "cubes": [
            messages.CubePrimitive(
                pose=_pose(messages, center, turn),
                size=messages.Vector3(x=float(half[0]) * 2, y=float(half[1]) * 2, z=float(half[2]) * 2),
                color=_color(messages, color),
            )
            for half, center, turn, color in zip(halves, centers, turns, colors, strict=True)
        ]
    }


def _lines(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
    strips = fields.get("strips")
    if strips is None:
        return None
    colors = _each(fields.get("colors", ()), len(strips), _WHITE)
    radii = _each(fields.get("radii", ()), len(strips), 0.005)
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


def _arrows(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
    vectors = fields.get("vectors")
    if vectors is None:
        return None
    origins = _each(fields.get("origins", ()), len(vectors), np.zeros(3))
    colors = _each(fields.get("colors", ()), len(vectors), _WHITE)
    arrows = []
    for vector, origin, color in zip(np.asarray(vectors, np.float64), origins, colors, strict=True):
        length = float(np.linalg.norm(vector))
        arrows.append(
            messages.ArrowPrimitive(
                pose=_pose(messages, origin, _turn_from_x(vector, length)),
                shaft_length=0.8 * length,
                shaft_diameter=0.05 * length,
                head_length=0.2 * length,
                head_diameter=0.1 * length,
                color=_color(messages, color),
            )
        )
    return {"arrows": arrows}


def _mesh(messages: Any, fields: Fields) -> dict[str, list[Any]] | None:
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
                colors=[_color(messages, tint) for tint in _each(tints, len(positions))] if len(tints) else [],
            )
        ]
    }


_MESSAGES: dict[str, tuple[str, Callable[..., Any]]] = {
    "Image": ("RawImage", _raw_image),
    "DepthImage": ("RawImage", _raw_image),
    "SegmentationImage": ("RawImage", _raw_image),
    "EncodedImage": ("CompressedImage", _compressed_image),
    "VideoStream": ("CompressedVideo", _compressed_video),
    "Points3D": ("PointCloud", _point_cloud),
    "TextLog": ("Log", _log),
    "Transform3D": ("FrameTransform", _frame_transform),
    "Pinhole": ("CameraCalibration", _calibration),
    "GeoPoints": ("LocationFix", _location),
    "Boxes3D": ("SceneUpdate", _scene(_boxes)),
    "LineStrips3D": ("SceneUpdate", _scene(_lines)),
    "Arrows3D": ("SceneUpdate", _scene(_arrows)),
    "Mesh3D": ("SceneUpdate", _scene(_mesh)),
}


def _each(values: Any, count: int, default: Any = None) -> Any:
    """One value for each instance: the last one counts for those that have none."""
    if not len(values):
        return [default] * count
    if isinstance(values, np.ndarray):
        return values[np.minimum(np.arange(count), len(values) - 1)]
    return [values[min(place, len(values) - 1)] for place in range(count)]


def _turns(fields: Fields) -> Iterator[Array]:
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


def _pose(messages: Any, position: Any, turn: Any) -> Any:
    return messages.Pose(
        position=messages.Vector3(x=float(position[0]), y=float(position[1]), z=float(position[2])),
        orientation=_quaternion(messages, turn),
    )


def _quaternion(messages: Any, turn: Any) -> Any:
    return messages.Quaternion(x=float(turn[0]), y=float(turn[1]), z=float(turn[2]), w=float(turn[3]))


def _points(messages: Any, positions: Any) -> list[Any]:
    return [messages.Point3(x=x, y=y, z=z) for x, y, z in np.asarray(positions, np.float64).tolist()]


def _color(messages: Any, color: Any) -> Any:
    red, green, blue, alpha = (((int(color) >> shift) & 0xFF) / 255 for shift in (24, 16, 8, 0))
    return messages.Color(r=red, g=green, b=blue, a=alpha)
