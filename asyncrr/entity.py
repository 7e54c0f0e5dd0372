"""Shorter ways to log: an entity bound once, and a view at a fixed time."""

from __future__ import annotations

import time as clock
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from asyncrr.archetypes import Scalars
from asyncrr.awaitables import DONE
from asyncrr.paths import entity_path_of
from asyncrr.scope import active_time_point
from asyncrr.timelines import EMPTY_TIME_POINT, sequence_value, with_time

if TYPE_CHECKING:
    from asyncrr.intake import Intake

__all__ = ["BoundEntity", "TimedView"]

_time_ns = clock.time_ns
_LIMIT = 2**63


class BoundEntity:
    """An entity path and an archetype, bound to a recording: call it to log a row."""

    __slots__ = ("_archetype", "_is_scalars", "_path", "_recording")

    def __init__(self, recording: Intake, path: str | list[Any], archetype: type[Any]) -> None:
        self._recording = recording
        self._path = entity_path_of(path)
        self._archetype = archetype
        self._is_scalars = archetype is Scalars

    def __call__(self, value: Any, /, *more: Any, **steps: int) -> Awaitable[None]:
        """Log one row.

        Args:
            value: The archetype's first argument.
            *more: Its further positional arguments.
            **steps: Sequence timelines of this row, over those of the context.

        Returns:
            As :meth:`asyncrr.RecordingStream.log`.
        """
        time_point = active_time_point()
        for name, step in steps.items():
            number = step if step.__class__ is int and -_LIMIT <= step < _LIMIT else sequence_value(step)
            time_point = with_time(time_point, name, "sequence", number)
        recording = self._recording
        if self._is_scalars and value.__class__ is float and not more:
            append = recording._scalar_rows.get(self._path)
            if append is not None:
                call = recording._next_call()
                append((call, _time_ns(), time_point, value))
                if call < recording._checkpoint:
                    return DONE
                return recording._at_checkpoint(call, append.__self__)  # type: ignore[attr-defined]
        return recording._log_at(self._path, self._archetype, (value, *more), time_point)

    def __repr__(self) -> str:
        return f"<{self._archetype.__name__} at {self._path}>"


class TimedView:
    """A recording seen at a fixed time."""

    __slots__ = ("_recording", "_times")

    def __init__(self, recording: Intake, times: Mapping[str, Any]) -> None:
        self._recording = recording
        self._times = dict(times)

    def log(self, path: str | list[Any], entity: object, *more: object, strict: bool | None = None) -> Awaitable[None]:
        """Log one row at this view's time, over the timelines of the context."""
        return self._recording.log(path, entity, *more, time=self._times, strict=strict)
