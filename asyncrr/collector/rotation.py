"""Rotation: when a segment is ended and followed by another."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["NEVER", "Rotation"]

_INDEX_BYTES = 2**20
_LITTLE_INDEX_BYTES = 2**15
_ALL_INDEX_BYTES = 2**23


class Rotation(NamedTuple):
    """When a segment is ended and followed by another, once its rows are on the disk.

    Attributes:
        nbytes: At this size, without the static rows that it repeats.
        seconds: At this age, when something is written to it.
    """

    nbytes: float = math.inf
    seconds: float = math.inf

    def is_due(self, nbytes: int, seconds: float, index_bytes: int, all_index_bytes: int) -> bool:
        """Whether a segment is to be ended.

        The index that its trailer will have is kept in memory until then: 1 MiB of it, or 32 KiB where those of all
        segments together take 8 MiB, is enough whatever the size and age.

        Args:
            nbytes: The segment's size.
            seconds: Its age.
            index_bytes: Of its index.
            all_index_bytes: Of those of all segments that are being written.
        """
        index_bound = _INDEX_BYTES if all_index_bytes < _ALL_INDEX_BYTES else _LITTLE_INDEX_BYTES
        return nbytes >= self.nbytes or seconds >= self.seconds or index_bytes >= index_bound


NEVER = Rotation()
