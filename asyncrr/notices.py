"""Warnings of rows that are lost, which never break the one who gives them."""

from __future__ import annotations

import os
import sys
import time
import warnings

from asyncrr.errors import RecordingWarning

__all__ = ["callers_level", "notice", "notice_of_drops"]

_PACKAGE = os.path.dirname(__file__) + os.sep
_QUIET_SECONDS = 10.0
_TOLD_KEPT = 1024

_told: dict[tuple[str, str], float] = {}


def notice(text: str) -> None:
    """Warn at the caller's line; on standard error where warnings are errors, since nobody here could raise one."""
    try:
        warnings.warn(text, RecordingWarning, stacklevel=callers_level())
    except RecordingWarning:
        if sys.stderr is not None:
            sys.stderr.write(f"RecordingWarning: {text}\n")


def notice_of_drops(name: str, reason: str) -> None:
    """One warning for each name and reason in ten seconds; the counts are in ``stats()``."""
    now = time.monotonic()
    if now - _told.get((name, reason), -_QUIET_SECONDS) < _QUIET_SECONDS:
        return
    if len(_told) >= _TOLD_KEPT:
        _told.clear()
    _told[name, reason] = now
    notice(f"{name}: rows are dropped ({reason}); see stats(), raise max_queue_bytes or log less")


def callers_level() -> int:
    """For a warning: how many frames up from the caller the first one outside this package is."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    return level
