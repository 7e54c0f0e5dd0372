"""Selection: which rows a command keeps, as its options say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from asyncrr.chunks import Chunk
from asyncrr.contents import WriterContents
from asyncrr.errors import UsageError
from asyncrr.query import glob_matches
from asyncrr.rewriting import Keep
from asyncrr.timelines import duration_ns, timestamp_ns
from asyncrr.wire import ChunkSummary

__all__ = ["in_time", "kind_of", "matching", "parse_time"]


def kind_of(timeline: str, writers: Iterable[WriterContents]) -> str:
    """The kind of a timeline: ``sequence``, ``duration`` or ``timestamp``.

    Raises:
        UsageError: There is no such timeline.
    """
    known: dict[str, str] = {}
    for writer in writers:
        for frame in writer.numbered():
            known.update({name: kind for name, (kind, _, _) in frame.summary.timelines.items()})
    if timeline not in known:
        raise UsageError(f"no timeline {timeline!r}: there are {', '.join(sorted(known)) or 'none'}")
    return known[timeline]


def parse_time(text: str, kind: str) -> int:
    """A time as int64, from what people write.

    Args:
        text: A number; for durations seconds; for timestamps ISO 8601 (UTC unless it says otherwise) or seconds since
            1970.
        kind: Of the timeline.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        if kind == "sequence":
            return int(text)
        if kind == "duration":
            return duration_ns(_number(text.removesuffix("s").strip()))
        try:
            return timestamp_ns(_number(text))
        except ValueError:
            return timestamp_ns(datetime.fromisoformat(text))
    except ValueError as error:
        remedy = {
            "sequence": "a whole number",
            "duration": "seconds, such as 1.5",
            "timestamp": "2026-01-31T12:00:00 (UTC), or seconds since 1970",
        }[kind]
        raise UsageError(f"{text!r} is no time on a {kind} timeline ({error}): write {remedy}") from None


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def matching(globs: Sequence[str], without: Sequence[str]) -> Keep:
    """Keep the entities that a pattern of the first means, and none of the second."""

    def keep(summary: ChunkSummary, load: Callable[[], Chunk]) -> bool:
        path = summary.entity_path
        return any(glob_matches(glob, path) for glob in globs) and not any(glob_matches(one, path) for one in without)

    return keep


def in_time(timeline: str, first: int | None, last: int | None, before: int | None = None) -> Keep:
    """Keep rows from a time on, up to a time, and before a time; static rows always; rows not on the timeline never."""
    low = -(2**63) if first is None else first
    high = 2**63 - 1 if last is None else last
    if before is not None:
        high = min(high, before - 1)

    def keep(summary: ChunkSummary, load: Callable[[], Chunk]) -> Any:
        if summary.is_static:
            return True
        if timeline not in summary.timelines:
            return False
        _, least, greatest = summary.timelines[timeline]
        if low <= least and greatest <= high:
            return True
        if greatest < low or least > high:
            return False
        times = load().timelines[timeline][1]
        return (times >= low) & (times <= high)

    return keep
