"""Segment frames: whose segment it is, which rows are missing, and what the segment holds."""

from __future__ import annotations

from typing import Any, NamedTuple

from asyncrr.errors import CorruptError
from asyncrr.wire.framing import CRITICAL, KIND_GAP, KIND_HEADER, Frame, RawFrame, seal
from asyncrr.wire.limits import MAX_INT64, MAX_NAME_LENGTH, MAX_PATH_LENGTH, MIN_INT64
from asyncrr.wire.packing import read_int, read_list, read_str

__all__ = [
    "Gap",
    "RecordingHeader",
    "decode_gap",
    "decode_header",
    "encode_gap",
    "encode_header",
    "header_from_map",
    "header_to_map",
]

_MAX_GAP_PATHS = 1024


class RecordingHeader(NamedTuple):
    """Whose frames follow.

    Attributes:
        application_id: Of the recording.
        recording_id: Of the recording.
        writer_id: 32 hexadecimal digits: one per process and opening.
        created_ns: When the recording was made, in nanoseconds since 1970 UTC.
    """

    application_id: str
    recording_id: str
    writer_id: str
    created_ns: int


class Gap(NamedTuple):
    """Rows that were logged and are missing.

    Attributes:
        first_row: The writer's number of the first that is missing.
        last_row: The writer's number of the last that is missing; others between the two may be there.
        row_count: How many are missing.
        reason: Why, in one word such as ``drop_oldest``.
        entity_paths: Of which entities, where that is known.
        frame_count: How many frames this one stands for: its own sequence number and those before it.
    """

    first_row: int
    last_row: int
    row_count: int
    reason: str
    entity_paths: tuple[str, ...] = ()
    frame_count: int = 1


def encode_header(header: RecordingHeader, flags: int = 0) -> Frame:
    """The frame that says whose segment it is."""
    return seal(KIND_HEADER, 0, header_to_map(header), flags=flags | CRITICAL)


def decode_header(frame: RawFrame) -> RecordingHeader:
    """The header of a segment.

    Raises:
        CorruptError: The frame is whole but does not hold one.
    """
    try:
        return header_from_map(frame.head())
    except CorruptError as error:
        raise CorruptError(error.reason, frame.offset) from error


def header_to_map(header: RecordingHeader) -> dict[str, Any]:
    """The header as plain values, for a frame's head or a message."""
    return {
        "a": header.application_id,
        "r": header.recording_id,
        "w": header.writer_id,
        "t": header.created_ns,
    }


def header_from_map(head: dict[Any, Any]) -> RecordingHeader:
    """The header out of plain values.

    Raises:
        CorruptError: They are none.
    """
    writer_id = read_str(head.get("w"), "the writer id", 32)
    if len(writer_id) != 32 or set(writer_id) - set("0123456789abcdef"):
        raise CorruptError("the writer id is not 32 hexadecimal digits")
    application_id = read_str(head.get("a"), "the application id", MAX_NAME_LENGTH)
    recording_id = read_str(head.get("r"), "the recording id", MAX_NAME_LENGTH)
    created_ns = read_int(head.get("t"), "the time of creation", MIN_INT64, MAX_INT64)
    return RecordingHeader(application_id, recording_id, writer_id, created_ns)


def encode_gap(gap: Gap, sequence: int, flags: int = 0) -> Frame:
    """The frame of a gap; of its entity paths the first 1,024 are kept."""
    head: dict[str, Any] = {"f": gap.first_row, "l": gap.last_row, "n": gap.row_count, "y": gap.reason}
    if gap.entity_paths:
        head["p"] = list(gap.entity_paths[:_MAX_GAP_PATHS])
    if gap.frame_count != 1:
        head["q"] = gap.frame_count
    return seal(KIND_GAP, sequence, head, flags=flags)


def decode_gap(frame: RawFrame) -> Gap:
    """The gap of a frame.

    Raises:
        CorruptError: The frame is whole but does not hold one.
    """
    try:
        head = frame.head()
        first = read_int(head.get("f"), "the first missing row", 0, MAX_INT64)
        return Gap(
            first,
            read_int(head.get("l"), "the last missing row", first, MAX_INT64),
            read_int(head.get("n"), "the number of missing rows", 0, MAX_INT64),
            read_str(head.get("y"), "the reason of a gap", MAX_NAME_LENGTH),
            tuple(
                read_str(path, "an entity path", MAX_PATH_LENGTH)
                for path in read_list(head.get("p", []), "the entity paths", _MAX_GAP_PATHS)
            ),
            read_int(head.get("q", 1), "the number of frames", 1, max(frame.sequence, 1)),
        )
    except CorruptError as error:
        raise CorruptError(error.reason, frame.offset) from error
