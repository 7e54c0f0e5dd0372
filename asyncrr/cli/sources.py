"""Where a command reads from: a file, a folder of segments, or standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

import click

from asyncrr.components import BatchValues
from asyncrr.errors import FormatError
from asyncrr.query import Row, glob_matches
from asyncrr.reading import RecordingData, read_recording
from asyncrr.segments import open_path, read_segments

__all__ = [
    "entity_option",
    "files_below",
    "open_recordings",
    "recording_option",
    "shown_components",
    "shown_rows",
    "source",
]

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_SUFFIX = ".arrd"

source: Callable[[_Command], _Command] = click.argument("source", metavar="FILE|DIR|-")
entity_option: Callable[[_Command], _Command] = click.option(
    "--entity", "glob", default="**", metavar="GLOB", help="Only these entities: 'camera/**', 'train/*', or a path."
)
recording_option: Callable[[_Command], _Command] = click.option(
    "--recording", "recording_id", metavar="ID", help="Which recording, where the folder holds several."
)


def files_below(place: str) -> list[str]:
    """The file itself, or the segments below a folder."""
    if not os.path.isdir(place):
        return [place]
    return sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names if name.endswith(_SUFFIX)
    )


def open_recordings(place: str, recording_id: str | None, *, use_index: bool = True) -> Iterator[RecordingData]:
    """Each recording that lies there, or the one with that id.

    Raises:
        OSError: Nothing can be read there.
        FormatError: It is no recording.
    """
    if place == "-":
        yield read_recording(_stdin().read(), recording_id=recording_id, use_index=use_index)
    elif recording_id is not None or not os.path.isdir(place):
        yield read_recording(place, recording_id=recording_id, use_index=use_index)
    else:
        found = _recording_ids(place)
        if len(found) < 2:
            yield read_recording(place, use_index=use_index)
        for one in found if len(found) > 1 else ():
            yield read_recording(place, recording_id=one, use_index=use_index)


def _stdin() -> IO[bytes]:
    return sys.stdin.buffer


def _recording_ids(folder: str) -> list[str]:
    found: dict[str, None] = {}
    for name in files_below(folder):
        try:
            segments, _ = read_segments(open_path(name))
        except FormatError:  # told of as damage by whoever reads it
            continue
        found.update(dict.fromkeys(one.header.recording_id for one in segments if one.header is not None))
    return list(found)


def shown_rows(data: RecordingData, glob: str, timeline: str | None) -> Iterator[tuple[str, Row]]:
    """The rows of all entities that `glob` means, in the order of the calls, or of a timeline."""
    import heapq

    ranks = {writer.writer_id: rank for rank, writer in enumerate(data.writers())}

    def of_entity(path: str) -> Iterator[tuple[tuple[int, int, int], str, Row]]:
        for row in data.rows(path, timeline=timeline):
            time = 0 if timeline is None or row.is_static else row.times[timeline]
            place = time if row.times or timeline is None else -(2**63)
            yield (place, ranks[row.row_id.writer_id], row.row_id.number), path, row

    key: Callable[[tuple[Any, ...]], Any] = lambda one: one[0]  # noqa: E731
    streams = [of_entity(path) for path in data.entity_paths() if glob_matches(glob, path)]
    for _, path, row in heapq.merge(*streams, key=key):
        yield path, row


def shown_components(row: Row, is_full: bool) -> dict[str, BatchValues | dict[str, object]]:
    """The row's components; large arrays by type and shape alone unless all is asked for."""
    return {name: values if is_full else _without_bulk(values) for name, values in row.components.items()}


def _without_bulk(values: Any) -> Any:
    size = getattr(values, "size", 0)
    if size > 64:
        return {"dtype": str(values.dtype), "shape": list(values.shape)}
    if isinstance(values, list):
        return [_without_bulk(getattr(one, "buffer", one)) for one in values]
    return values
