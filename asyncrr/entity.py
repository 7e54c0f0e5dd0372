"""Shorter ways to log: an entity bound once, and a view at a fixed time."""

from __future__ import annotations

import reprlib
import time as clock
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from asyncrr.archetypes import Scalars
from asyncrr.awaitables import DONE
from asyncrr.errors import UsageError
from asyncrr.paths import entity_path_of
from asyncrr.scope import active_time_point, context_state, doubts
from asyncrr.timelines import EMPTY_TIME_POINT, QUICKLY_COMPARED, sequence_value, with_time

if TYPE_CHECKING:
    from asyncrr.intake import Intake

__all__ = ["BoundEntity", "TimedView", "bound_entity"]

BoundEntity: TypeAlias = "Callable[..., Awaitable[None]]"
"""Logs a row of one archetype at one path when it is called."""

_time_ns = clock.time_ns
_STEP = with_time(EMPTY_TIME_POINT, "step", "sequence", 0)[0]


def bound_entity(recording: Intake, path: str | list[Any], archetype: type[Any]) -> BoundEntity:
    """Bind a path and an archetype to a recording.

    Returns:
        A function; a plain one, since that is what Python calls quickest.

    Raises:
        UsageError: `archetype` is no class.
    """
    if not callable(archetype):
        raise UsageError(f"entity: {reprlib.repr(archetype)} is no archetype: give a class, such as rr.Scalars")
    canonical = entity_path_of(path)
    is_scalars = archetype is Scalars
    archetype_name = getattr(archetype, "__name__", repr(archetype))
    next_call = recording._next_call

    def log(value: Any, /, *more: Any, step: int | None = None, **numbers: int) -> Awaitable[None]:
        """Log one row.

        Args:
            value: The archetype's first argument.
            *more: Its further positional arguments.
            step: This row's number on the sequence timeline ``step``; no other way to give a time costs as little.
            **numbers: Those on other sequence timelines.

        Returns:
            As :meth:`asyncrr.RecordingStream.log`.

        Raises:
            TypeError: `step` or another keyword is no integer.
        """
        time_point = active_time_point() if doubts else context_state()[1]
        if step is not None:
            if time_point is EMPTY_TIME_POINT and step.__class__ is int and 0 <= step <= QUICKLY_COMPARED:
                time_point = (_STEP, step)
            else:
                time_point = with_time(time_point, "step", "sequence", _number("step", step, archetype_name))
        if numbers:
            for timeline, number in numbers.items():
                time_point = with_time(time_point, timeline, "sequence", _number(timeline, number, archetype_name))
        if is_scalars and value.__class__ is float and not more:
            append = recording._appends[Scalars].get(canonical)
            if append is not None:
                call = next_call()
                append((call, _time_ns(), time_point, value))
                if call < recording._checkpoint:
                    return DONE
                return recording._at_checkpoint(call, append.__self__)  # type: ignore[attr-defined]
        return recording._log_at(canonical, archetype, (value, *more), time_point)

    log.__name__, log.__qualname__ = archetype_name, f"{archetype_name} at {canonical}"
    return log


def _number(timeline: str, value: Any, archetype: str) -> int:
    try:
        return sequence_value(value)
    except TypeError:
        raise TypeError(
            f"{timeline}={reprlib.repr(value)} is no integer: a keyword of a bound entity is a number on a sequence "
            f"timeline; give {archetype} its own keywords in rec.log(path, rr.{archetype}(...))"
        ) from None


class TimedView:
    """A recording seen at a fixed time."""

    __slots__ = ("_recording", "_times")

    def __init__(self, recording: Intake, times: Mapping[str, Any]) -> None:
        self._recording = recording
        self._times = dict(times)

    def log(self, path: str | list[Any], entity: object, *more: object, strict: bool | None = None) -> Awaitable[None]:
        """Log one row at this view's time, over the timelines of the context."""
        return self._recording.log(path, entity, *more, time=self._times, strict=strict)
