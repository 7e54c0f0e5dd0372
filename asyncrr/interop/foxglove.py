"""Foxglove's messages: rows of an archetype as one of their protobuf schemas, where one fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from asyncrr.archetypes.enums import ChannelDatatype, ColorModel, PixelFormat, VideoCodec
from asyncrr.extras import imported
from asyncrr.interop.foxglove_shapes import arrows, boxes, each, lines, mesh, pose, quaternion, turns

__all__ = ["RAW_ENCODINGS", "VIDEO_FORMATS", "Place", "held_fields", "is_held", "schema_name", "to_message"]

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


def held_fields(archetype: str) -> frozenset[str]:
    """The fields that a message gives back."""
    return _HELD.get(archetype, frozenset())


def is_held(archetype: str, field: str, fields: Fields) -> bool:
    """Whether a message gives a field back as it was, and not one value for each instance in place of fewer."""
    counts = [len(fields[main]) for main in _MAIN if main in fields]
    return field in held_fields(archetype) and (field not in _SHARED or len(fields[field]) in counts)


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
        colors = each(fields["colors"], len(positions))
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
        pose=pose(messages, np.zeros(3), np.array([0, 0, 0, 1])),
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
    found = list(turns(fields))
    names = [
        fields[name][0] if len(fields.get(name, ())) else default
        for name, default in (("parent_frame", place.parent_id), ("child_frame", place.entity_path))
    ]
    return messages.FrameTransform(
        timestamp=timestamp,
        parent_frame_id=names[0],
        child_frame_id=names[1],
        translation=messages.Vector3(x=float(offset[0]), y=float(offset[1]), z=float(offset[2])),
        rotation=quaternion(messages, found[0] if found else np.array([0, 0, 0, 1])),
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
    "Boxes3D": ("SceneUpdate", _scene(boxes)),
    "LineStrips3D": ("SceneUpdate", _scene(lines)),
    "Arrows3D": ("SceneUpdate", _scene(arrows)),
    "Mesh3D": ("SceneUpdate", _scene(mesh)),
}


_HELD = {
    "Image": frozenset(("buffer", "format")),
    "DepthImage": frozenset(("buffer", "format")),
    "SegmentationImage": frozenset(("buffer", "format")),
    "EncodedImage": frozenset(("blob", "media_type")),
    "VideoStream": frozenset(("codec", "sample")),
    "Points3D": frozenset(("positions", "colors")),
    "TextLog": frozenset(("text", "level")),
    "Transform3D": frozenset(("translation", "quaternion")),
    "Pinhole": frozenset(("image_from_camera", "resolution")),
    "GeoPoints": frozenset(("positions",)),
    "Boxes3D": frozenset(("half_sizes", "centers", "quaternions", "colors")),
    "LineStrips3D": frozenset(("strips", "colors")),
    "Arrows3D": frozenset(("colors",)),
    "Mesh3D": frozenset(("vertex_positions", "triangle_indices", "vertex_colors", "albedo_factor")),
}
_MAIN = ("positions", "half_sizes", "strips", "vertex_positions")
_SHARED = ("colors", "centers", "quaternions", "vertex_colors")
