"""What a recording says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import numbers
from asyncrr.components import ComponentBatch, ComponentDescriptor
from asyncrr.timelines import timestamp_ns

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["RecordingInfo"]


class RecordingInfo(FieldsArchetype):
    """A recording's name and beginning."""

    __slots__ = ()

    FIELDS = fields("RecordingInfo", start_time=kinds.TIMESTAMP, name=kinds.NAME)

    def __init__(self, *, start_time: int | dt.datetime | None = None, name: str | None = None) -> None:
        """Take what is known.

        Args:
            start_time: Nanoseconds since the epoch, or a datetime.
            name: The recording's name.
        """
        self._fill(start_time, name)


def timestamps(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Nanoseconds since the epoch, or datetimes."""
    items = value if isinstance(value, list | tuple) else [value]
    if any(type(item).__name__ == "datetime64" or hasattr(item, "isoformat") for item in items):
        value = [timestamp_ns(item) for item in items]
    return numbers(value, descriptor, copy)
