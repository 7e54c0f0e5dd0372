"""Lines of any logging library, forwarded to the active recording."""

from __future__ import annotations

import contextvars
import re
import traceback
from collections.abc import Mapping
from types import TracebackType

from asyncrr.api import get_data_recording
from asyncrr.archetypes import TextLog
from asyncrr.notices import notice
from asyncrr.paths import escape_entity_path_part

__all__ = ["is_emitting", "log_line", "log_line_safely", "path_of_logger", "traceback_text"]

_FOR_TERMINALS = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colors, and what moves the cursor
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)"  # links and titles
    r"|[ -/]*[0-Z\\^-~])"
)

_emitting: contextvars.ContextVar[bool] = contextvars.ContextVar("asyncrr_is_emitting", default=False)


def is_emitting() -> bool:
    """Whether a line is being forwarded in this context: what that causes is not forwarded again."""
    return _emitting.get()


def log_line(
    path: str,
    text: str,
    level: str | None,
    values: Mapping[str, object] | None = None,
    created_ns: int | None = None,
) -> None:
    """Log one line to the active recording, if any; never waits.

    Args:
        path: Entity path.
        text: The line, and maybe a traceback after it. What it says to a terminal (ANSI escape sequences, such as
            colors) is left out.
        level: As ``TextLog`` has it: ``WARN``, not ``WARNING``.
        values: Logged along with it, in the same row; what is no plain value goes by its ``repr``.
        created_ns: When it was said, in nanoseconds since the epoch; ``None`` for now.
    """
    if _emitting.get() or (recording := get_data_recording()) is None:
        return
    token = _emitting.set(True)
    try:
        entities: list[object] = [TextLog(_plain_text(text), level=level)]
        if values:
            entities.append({name: _plain(value) for name, value in values.items()})
        if created_ns is None:
            recording.log(path, *entities)
        else:
            recording.log_created(path, entities, created_ns)
    finally:
        _emitting.reset(token)


def log_line_safely(
    path: str,
    text: str,
    level: str | None,
    values: Mapping[str, object] | None = None,
    created_ns: int | None = None,
) -> None:
    """As :func:`log_line`, where an error is a warning, since a service does not fail by what it says of itself."""
    try:
        log_line(path, text, level, values, created_ns)
    except Exception as error:
        notice(f"a line at {path!r} was not logged: {error!r}")


def path_of_logger(prefix: str | None, name: str) -> str:
    """The entity path of a logger: the prefix and its name, with ``.`` as ``/``."""
    parts = "/".join([escape_entity_path_part(part) for part in name.split(".") if part])
    return "/".join([part for part in (prefix, parts) if part])


def traceback_text(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> str:
    """An exception as Python prints it, without the last line break."""
    return "".join(traceback.format_exception(kind, error, trace)).rstrip()


def _plain_text(text: str) -> str:
    return _FOR_TERMINALS.sub("", text) if "\x1b" in text else text


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str) else repr(value)
