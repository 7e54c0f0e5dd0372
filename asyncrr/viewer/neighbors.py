"""Neighbours: the next and the previous time at which something was logged."""

from __future__ import annotations

from asyncrr.viewer.growing import GrowingRecording

__all__ = ["neighbor"]


def neighbor(recording: GrowingRecording, timeline: str, time: int, *, is_next: bool) -> int | None:
    """The nearest time behind or before a time at which any entity has a row.

    The heads of chunks tell when each begins and ends; only those that have rows on both sides are loaded.

    Args:
        recording: Of which.
        timeline: The name.
        time: From where on.
        is_next: Whether later times are looked at, or earlier ones.

    Returns:
        ``None`` where there is none.
    """
    found: list[int] = []
    for groups in recording.entities.values():
        for group in groups.values():
            borders, across = group.beside(timeline, time, is_next=is_next)
            found += borders
            for chunk in recording.load_each(across):
                times = chunk.timelines[timeline][1]
                beyond = times[times > time] if is_next else times[times < time]
                if len(beyond):
                    found.append(int(beyond.min() if is_next else beyond.max()))
    return min(found, default=None) if is_next else max(found, default=None)
