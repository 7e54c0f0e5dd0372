"""A loguru sink that forwards messages to the active recording."""

from __future__ import annotations

from typing import Any

from asyncrr.integrations.lines import log_line_safely, path_of_logger, traceback_text

__all__ = ["LoguruSink"]

_LEVELS = {"WARNING": "WARN"}


class LoguruSink:
    """Forwards each message to the recording that is active where it is logged: ``logger.add(LoguruSink())``.

    It becomes a ``TextLog`` with its level, traceback and own time; what was bound or given as ``extra`` goes along
    as free-form values. The path is the prefix and the module's name, with ``.`` as ``/``. It never raises and never
    waits. With ``enqueue=True`` loguru calls it from a thread of its own, where no task's recording is active, only
    the global one; the sink is quick enough to do without. loguru itself is not imported.

    Args:
        path_prefix: Comes before every path; ``None`` for none.
    """

    def __init__(self, path_prefix: str | None = None) -> None:
        self.path_prefix = path_prefix

    def __call__(self, message: Any) -> None:
        """Forward one message.

        Args:
            message: As loguru gives it to a sink: a ``str`` with the attribute ``record``.
        """
        record = message.record
        text = str(record["message"])
        error = record["exception"]
        if error is not None and error.type is not None:
            text = f"{text}\n{traceback_text(error.type, error.value, error.traceback)}"
        level = record["level"].name
        path = path_of_logger(self.path_prefix, record["name"] or "loguru")
        created_ns = int(record["time"].timestamp() * 1e9)
        log_line_safely(path, text, _LEVELS.get(level, level), record["extra"], created_ns)
