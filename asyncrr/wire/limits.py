"""Limits: how much a frame or message from a stranger may ask for, checked before anything is allocated."""

from __future__ import annotations

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_COLUMNS",
    "MAX_DEPTH",
    "MAX_DIMENSIONS",
    "MAX_EMPTY_ELEMENTS",
    "MAX_EMPTY_INSTANCES",
    "MAX_ENTITIES",
    "MAX_HEADER_FRAME_BYTES",
    "MAX_HEAD_BYTES",
    "MAX_INDEX_ENTRIES",
    "MAX_INT64",
    "MAX_MESSAGE_BYTES",
    "MAX_NAME_LENGTH",
    "MAX_PATH_LENGTH",
    "MAX_ROWS",
    "MAX_TIMELINES",
    "MIN_INT64",
    "max_expansion",
]

MAX_HEAD_BYTES = 2**20
"""Of a frame's head, in bytes."""

MAX_BODY_BYTES = 2**31
"""Of a frame's body, in bytes, as stored and once decompressed."""

MAX_HEADER_FRAME_BYTES = 2**16
"""Of a HEADER frame, in bytes, so that looking for one after damage is bounded."""

MAX_MESSAGE_BYTES = 2**16
"""Of a control message, in bytes."""

MAX_DEPTH = 16
"""Of mappings and lists inside one another."""

MAX_DIMENSIONS = 8
"""Of one instance or tensor."""

MAX_ROWS = 2**26
"""Of one chunk."""

MAX_TIMELINES = 256
"""Of one chunk."""

MAX_COLUMNS = 4096
"""Of one chunk."""

MAX_ENTITIES = 2**14
"""Of one chunk: each takes a few bytes in its head, and a chunk of its own in memory."""

MAX_NAME_LENGTH = 1024
"""Of an id, a timeline's, component's or dimension's name, in characters."""

MAX_PATH_LENGTH = 2**14
"""Of an entity path, in characters."""

MAX_EMPTY_INSTANCES = 2**20
"""Of instances that take no byte, neither for themselves nor for their lengths."""

MAX_EMPTY_ELEMENTS = 2**40
"""Of elements that a shape without any announces by its dimensions other than 0."""

MAX_INDEX_ENTRIES = 2**20
"""Of chunks in the index of a segment; a longer segment has none."""

MIN_INT64 = -(2**63)
MAX_INT64 = 2**63 - 1


def max_expansion(frame_bytes: int) -> int:
    """How many bytes of row numbers and times a frame of that size may unfold to: regular ones take no room in it."""
    return 2**26 + 64 * frame_bytes
