"""Outcomes: what a round of writing and syncing a writer's frames leads to."""

from __future__ import annotations

import errno
from dataclasses import dataclass

__all__ = ["Loss", "Synced", "is_no_room"]

_NO_ROOM = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))


def is_no_room(error: OSError | None) -> bool:
    """Whether it will do once somebody makes room."""
    return error is not None and error.errno in _NO_ROOM


@dataclass(frozen=True, slots=True)
class Loss:
    """Why frames that were taken will not be kept.

    Attributes:
        reason: What is wrong with the client's bytes, if anything is.
        is_damaged: They do not fit their checksum, so sending them again may help.
        trouble: What went wrong with the disk, if anything did.
    """

    reason: str = ""
    is_damaged: bool = False
    trouble: OSError | None = None

    @property
    def ends_segment(self) -> bool:
        """Whether nothing may be written to the segment any more."""
        return self.trouble is not None and not is_no_room(self.trouble)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a round led to.

    Attributes:
        sequence: Every frame up to this one is on the disk.
        nbytes: Taken bytes that are settled by it.
        is_lost: What was taken beyond it is gone: ask for it again.
        reason: As in :class:`Loss`.
        is_damaged: As in :class:`Loss`.
        is_finished: The segment is complete and closed.
        is_closed: No file is open.
        trouble: What stands in the way of writing, if anything does.
    """

    sequence: int
    nbytes: int = 0
    is_lost: bool = False
    reason: str = ""
    is_damaged: bool = False
    is_finished: bool = False
    is_closed: bool = False
    trouble: OSError | None = None
