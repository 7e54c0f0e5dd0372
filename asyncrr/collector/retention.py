"""Retention: which recordings go when a collector keeps only so much, or so long."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["FOR_EVER", "Kept", "Retention", "to_remove"]


class Retention(NamedTuple):
    """How much is kept.

    Attributes:
        nbytes: Of all recordings together.
        seconds: Since the last row of a recording was written.
    """

    nbytes: float = math.inf
    seconds: float = math.inf


FOR_EVER = Retention()


class Kept(NamedTuple):
    """A recording that may have to go.

    Attributes:
        recording_id: Its id.
        nbytes: Of its segments.
        written: When the last of them was written, in seconds since 1970.
        may_go: Every writer ended in peace, and none is connected.
    """

    recording_id: str
    nbytes: int
    written: float
    may_go: bool


def to_remove(kept: Iterable[Kept], retention: Retention, now: float) -> list[str]:
    """The recordings that go, the oldest first; never one that is not complete, or that somebody writes to.

    Args:
        kept: All there are.
        retention: The bounds.
        now: In seconds since 1970.
    """
    oldest_first = sorted(kept, key=lambda each: (each.written, each.recording_id))
    total = sum(each.nbytes for each in oldest_first)
    gone = []
    for each in oldest_first:
        if each.may_go and (total > retention.nbytes or now - each.written > retention.seconds):
            gone.append(each.recording_id)
            total -= each.nbytes
    return gone
