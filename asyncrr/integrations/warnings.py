"""Python's warnings, forwarded to the active recording."""

from __future__ import annotations

import threading
import warnings
from typing import Any, Self, TextIO

from asyncrr.errors import RecordingWarning
from asyncrr.integrations.lines import log_line_safely, path_of_logger

__all__ = ["WarningsCapture"]

_lock = threading.Lock()


class WarningsCapture:
    """Forwards warnings to the recording that is active where they are given, beside showing them as before.

    ``with WarningsCapture():`` for a block, or ``install()`` and ``remove()`` for a program; both may be called
    again. Each warning becomes a ``TextLog`` of level ``WARN`` at the prefix and its category, with file and line as
    free-form values. What Python's filters ignore or raise is not seen, and asyncrr's own warnings are left out, for
    they tell of a recording that is in trouble.

    Args:
        path_prefix: Comes before every path; ``None`` for none.
        is_shown: Whether warnings are shown as before, too.
    """

    def __init__(self, path_prefix: str | None = "warnings", *, is_shown: bool = True) -> None:
        self.path_prefix = path_prefix
        self.is_shown = is_shown
        self._before: Any = None
        self._is_active = False

    def install(self) -> None:
        """Begin, through ``warnings.showwarning``, which Python's documentation lets everyone replace."""
        with _lock:
            self._is_active = True
            if self._before is None:
                self._before, warnings.showwarning = warnings.showwarning, self._show

    def remove(self) -> None:
        """End. Where somebody else has come on top meanwhile, this one stays below and only passes on."""
        with _lock:
            self._is_active = False
            if self._before is not None and warnings.showwarning == self._show:
                self._before, warnings.showwarning = None, self._before

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        before = self._before
        is_taken = self._is_active and file is None and not issubclass(category, RecordingWarning)
        if is_taken:
            path = path_of_logger(self.path_prefix, category.__name__)
            values = {"filename": filename, "lineno": lineno}
            log_line_safely(path, f"{category.__name__}: {message}", "WARN", values)
        if before is not None and (self.is_shown or not is_taken):
            before(message, category, filename, lineno, file, line)
