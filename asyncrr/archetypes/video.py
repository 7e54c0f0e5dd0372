"""Video and audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype, exclusive
from asyncrr.archetypes.files import read_blob
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import numbers, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor
from asyncrr.errors import UsageError
from asyncrr.paths import entity_path_of
from asyncrr.timelines import duration_ns

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import BlobLike, BoolLike, EnumLike, FloatLike, PathLike

__all__ = ["AssetAudio", "AssetVideo", "VideoFrameReference", "VideoStream"]


class VideoStream(FieldsArchetype):
    """Encoded video, sample by sample, as it comes."""

    __slots__ = ()

    FIELDS = fields(
        "VideoStream",
        codec=kinds.VIDEO_CODEC,
        sample=kinds.VIDEO_SAMPLE,
        is_keyframe=kinds.IS_KEYFRAME,
        opacity=kinds.OPACITY,
        draw_order=kinds.DRAW_ORDER,
    )

    def __init__(
        self,
        codec: EnumLike,
        *,
        sample: BlobLike | None = None,
        is_keyframe: BoolLike | None = None,
        opacity: FloatLike | None = None,
        draw_order: FloatLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take one sample.

        Args:
            codec: A :class:`VideoCodec`.
            sample: One encoded frame.
            is_keyframe: Whether decoding can begin with it.
            opacity: In 0..1.
            draw_order: Higher is in front.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        self._fill(codec, sample, is_keyframe, opacity, draw_order, copy=copy)


class AssetVideo(FieldsArchetype):
    """The content of a video file."""

    __slots__ = ()

    FIELDS = fields("AssetVideo", blob=kinds.BLOB, media_type=kinds.MEDIA_TYPE)

    def __init__(
        self,
        *,
        path: PathLike | None = None,
        contents: BlobLike | None = None,
        media_type: str | None = None,
        copy: bool = True,
    ) -> None:
        """Take the content of a file.

        Args:
            path: The file.
            contents: Its content, instead.
            media_type: What it is; guessed from the content or the name where it is left out.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        blob, media_type = read_blob("AssetVideo", path, contents, media_type)
        self._fill(blob, media_type, copy=copy)


class AssetAudio(FieldsArchetype):
    """The content of an audio file."""

    __slots__ = ()

    FIELDS = fields("AssetAudio", blob=kinds.BLOB, media_type=kinds.MEDIA_TYPE)

    def __init__(
        self,
        *,
        path: PathLike | None = None,
        contents: BlobLike | None = None,
        media_type: str | None = None,
        copy: bool = True,
    ) -> None:
        """Take the content of a file.

        Args:
            path: The file.
            contents: Its content, instead.
            media_type: What it is; guessed from the content or the name where it is left out.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        blob, media_type = read_blob("AssetAudio", path, contents, media_type)
        self._fill(blob, media_type, copy=copy)


class VideoFrameReference(FieldsArchetype):
    """One frame of a video that was logged as a file."""

    __slots__ = ()

    FIELDS = fields(
        "VideoFrameReference",
        timestamp=kinds.VIDEO_TIMESTAMP,
        video_reference=kinds.ENTITY_PATH,
        opacity=kinds.OPACITY,
        draw_order=kinds.DRAW_ORDER,
    )

    def __init__(
        self,
        timestamp: Any = None,
        *,
        seconds: float | None = None,
        nanoseconds: int | None = None,
        video_reference: str | list[Any] | None = None,
        opacity: FloatLike | None = None,
        draw_order: FloatLike | None = None,
    ) -> None:
        """Take the time of a frame.

        Args:
            timestamp: From the video's beginning, in nanoseconds, or as ``timedelta``.
            seconds: The same in seconds.
            nanoseconds: The same in nanoseconds.
            video_reference: The entity that has the :class:`AssetVideo`; this one where it is left out.
            opacity: In 0..1.
            draw_order: Higher is in front.
        """
        exclusive("VideoFrameReference", timestamp=timestamp, seconds=seconds, nanoseconds=nanoseconds)
        if seconds is not None:
            timestamp = duration_ns(seconds)
        elif nanoseconds is not None:
            timestamp = nanoseconds
        elif timestamp is None:
            raise UsageError("VideoFrameReference: give timestamp, seconds or nanoseconds")
        self._fill(timestamp, video_reference, opacity, draw_order)


def video_timestamps(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Times within a video: nanoseconds, or durations of the standard library or numpy."""
    if isinstance(value, float | np.floating):
        raise refusal(descriptor, value, "nanoseconds are whole numbers: for seconds give seconds=...")
    if hasattr(value, "total_seconds") or isinstance(value, np.timedelta64):
        value = duration_ns(value)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "m":
        value = value.astype("timedelta64[ns]").astype(np.int64)
    elif isinstance(value, list | tuple):
        value = [duration_ns(item) if hasattr(item, "total_seconds") else item for item in value]
    return numbers(value, descriptor, copy)


def entity_paths(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """The path of an entity, in canonical form."""
    return ComponentBatch(descriptor, [entity_path_of(value)])
