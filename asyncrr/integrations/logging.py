"""Python's own logging, forwarded to the active recording."""

from __future__ import annotations

import logging

from asyncrr.api import get_data_recording
from asyncrr.integrations.lines import is_emitting, log_line, path_of_logger, traceback_text

__all__ = ["LoggingHandler"]

_LEVELS = ((50, "CRITICAL"), (40, "ERROR"), (30, "WARN"), (20, "INFO"), (10, "DEBUG"))
_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_OWN_LOGGERS = ("asyncrr", "websockets")


class LoggingHandler(logging.Handler):
    """Forwards log records to the recording that is active where they are logged.

    Each becomes a ``TextLog`` with the record's level, message and traceback, stamped with the record's own time; what
    was given as ``extra`` goes along as free-form values. The path is the prefix and the logger's name, with ``.``
    as ``/``. Colors and other ANSI escape sequences are left out of the text, and so is uvicorn's extra
    ``color_message``, which repeats it in color; values of ``extra`` stay as they are. Emitting never waits, never
    logs to itself, and needs no lock beyond logging's own, so it may be used from any thread. Records of asyncrr and of
    its transport are left out.

    Args:
        path_prefix: Comes before every path; ``None`` for none.
    """

    def __init__(self, path_prefix: str | None = None) -> None:
        super().__init__()
        self.path_prefix = path_prefix

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record; an error while doing so goes to ``logging.Handler.handleError``."""
        if record.name.split(".", 1)[0] in _OWN_LOGGERS or is_emitting() or get_data_recording() is None:
            return
        try:
            extra = {name: value for name, value in vars(record).items() if name not in _OWN_ATTRIBUTES}
            path = path_of_logger(self.path_prefix, record.name)
            log_line(path, _text(record), _level(record), extra, int(record.created * 1e9))
        except Exception:
            self.handleError(record)


def _text(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text}\n{traceback_text(*record.exc_info)}"
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
