"""What makes files, and their names, survive a loss of power, as far as the system can tell."""

from __future__ import annotations

import os

__all__ = ["make_directory", "sync_directory", "sync_file"]


def sync_file(descriptor: int) -> None:
    """Wait until what was written is on the disk itself."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
        return
    try:
        from fcntl import F_FULLFSYNC, fcntl  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        os.fsync(descriptor)
    else:
        fcntl(descriptor, F_FULLFSYNC)


def sync_directory(path: str) -> None:
    """Make a new name in a directory survive a loss of power, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(path or os.curdir, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: str) -> None:
    """Make a directory and those above it, unless they exist, so that their names survive as well."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(os.path.abspath(path))
    make_directory(above)
    os.makedirs(path, exist_ok=True)
    sync_directory(above)
