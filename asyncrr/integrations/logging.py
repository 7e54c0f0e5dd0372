"""Python's own logging, forwarded to the active recording."""

from __future__ import annotations

import contextvars
import logging
import traceback

from asyncrr.api import get_data_recording
from asyncrr.archetypes import AnyValues, TextLog
from asyncrr.paths import escape_entity_path_part

__all__ = ["LoggingHandler"]

_LEVELS = ((50, "CRITICAL"), (40, "ERROR"), (30, "WARN"), (20, "INFO"), (10, "DEBUG"))
_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OWN_LOGGERS = ("asyncrr", "websockets")

_is_emitting: contextvars.ContextVar[bool] = contextvars.ContextVar("asyncrr_is_emitting", default=False)


class LoggingHandler(logging.Handler):
    """Forwards log records to the recording that is active where they are logged.

    Each becomes a ``TextLog`` with the record's level, message and traceback, stamped with the record's own time; what
    was given as ``extra`` goes along as free-form values. The path is the prefix and the logger's name, with ``.``
    as ``/``. Emitting never waits, never logs to itself, and needs no lock beyond logging's own, so it may be used
    from any thread. Records of asyncrr and of its transport are left out.

    Args:
        path_prefix: Comes before every path; ``None`` for none.
    """

    def __init__(self, path_prefix: str | None = None) -> None:
        super().__init__()
        self.path_prefix = path_prefix

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record; an error while doing so goes to ``logging.Handler.handleError``."""
        if record.name.split(".", 1)[0] in _OWN_LOGGERS or _is_emitting.get():
            return
        recording = get_data_recording()
        if recording is None:
            return
        token = _is_emitting.set(True)
        try:
            extra = {name: _plain(value) for name, value in vars(record).items() if name not in _OWN_ATTRIBUTES}
            entities: list[object] = [TextLog(_text(record), level=_level(record))]
            if extra:
                entities.append(AnyValues(False, **extra))
            recording.log_created(self._path(record.name), entities, int(record.created * 1e9))
        except Exception:
            self.handleError(record)
        finally:
            _is_emitting.reset(token)

    def _path(self, logger: str) -> str:
        parts = "/".join([escape_entity_path_part(part) for part in logger.split(".") if part])
        return f"{self.path_prefix}/{parts}" if self.path_prefix else parts


def _text(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text}\n{''.join(traceback.format_exception(*record.exc_info)).rstrip()}"
    elif record.exc_text:
        text = f"{text}\n{record.exc_text}"
    if record.stack_info:
        text = f"{text}\n{record.stack_info}"
    return text


def _level(record: logging.LogRecord) -> str:
    for number, name in _LEVELS:
        if record.levelno == number:
            return name
    return record.levelname


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str) else repr(value)
