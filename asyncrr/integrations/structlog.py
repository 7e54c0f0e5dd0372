"""A structlog processor that forwards events to the active recording."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

from asyncrr.integrations.lines import log_line_safely, path_of_logger, traceback_text

__all__ = ["StructlogProcessor"]

_LEVELS = {"warn": "WARN", "warning": "WARN", "exception": "ERROR", "fatal": "CRITICAL"}
_OWN_KEYS = frozenset({"event", "exc_info", "exception", "level", "logger", "stack", "stack_info", "timestamp"})


class StructlogProcessor:
    """Forwards each event to the recording that is active where it is logged, and passes it on unchanged.

    The event's text becomes a ``TextLog`` with its level and traceback; all else that was bound or given goes along
    as free-form values, in the same row. Put it behind ``merge_contextvars``, ``add_log_level`` and
    ``add_logger_name`` and before the renderer, and before a bridge to ``logging`` if :class:`asyncrr.LoggingHandler`
    is in use there, too, or lines come twice. It never raises and never waits. structlog itself is not imported.

    Args:
        path_prefix: Comes before every path; ``None`` for none.
        name: The path of events whose logger has no name.
    """

    def __init__(self, path_prefix: str | None = None, *, name: str = "structlog") -> None:
        self.path_prefix = path_prefix
        self.name = name

    def __call__(self, logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Forward one event."""
        level = str(event_dict.get("level") or method_name).lower()
        text = "\n".join(str(part) for part in (event_dict.get("event", ""), *_appendices(event_dict)))
        values = {str(key): value for key, value in event_dict.items() if key not in _OWN_KEYS and key[:1] != "_"}
        path = path_of_logger(self.path_prefix, str(event_dict.get("logger") or self.name))
        log_line_safely(path, text, _LEVELS.get(level, level.upper()), values)
        return event_dict


def _appendices(event: MutableMapping[str, Any]) -> list[str]:
    """The traceback and the stack of an event, formatted by another processor or not yet."""
    found = [event[key] for key in ("exception", "stack") if isinstance(event.get(key), str)]
    error = _exception_of(event.get("exc_info"))
    if error is not None:
        found.append(traceback_text(*error))
    return found


def _exception_of(
    given: object,
) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    found: Any = given if isinstance(given, tuple) and len(given) == 3 else sys.exc_info() if given else None
    return None if found is None or found[0] is None else found
