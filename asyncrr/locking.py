"""Locks on open files: taken by one process at a time, and gone with it however it ends."""

from __future__ import annotations

__all__ = ["lock_file"]


def lock_file(descriptor: int) -> None:
    """Take an open file for this descriptor alone, without waiting.

    Raises:
        OSError: Another descriptor has it.
    """
    try:
        import fcntl
    except ImportError:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
