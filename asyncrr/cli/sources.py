"""Where a command reads from: a file, a folder of segments, or standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, TypeVar

import click

from asyncrr.components import BatchValues
from asyncrr.errors import FormatError, UsageError
from asyncrr.query import Row
from asyncrr.reading import RecordingData, read_recording
from asyncrr.segments import Source, open_path, read_segments

__all__ = [
    "entity_option",
    "files_below",
    "open_recordings",
    "open_sources",
    "recording_option",
    "shown_components",
    "source",
]

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_SUFFIX = ".arrd"

source: Callable[[_Command], _Command] = click.argument("source", metavar="FILE|DIR|-")
entity_option: Callable[[_Command], _Command] = click.option(
    "--entity", "glob", default="**", metavar="GLOB", help="Only these entities: 'camera/**', 'train/*', or a path."
)
recording_option: Callable[[_Command], _Command] = click.option(
    "--recording", "recording_id", metavar="ID", help="Which recording, where there are several."
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
    content = _stdin().read() if place == "-" else place
    ids = [recording_id]
    if recording_id is None and place != "-" and os.path.isdir(place):
        ids = _recording_ids(open_path(name) for name in files_below(place)) or [None]
    try:
        yield read_recording(content, recording_id=ids[0], use_index=use_index)
    except UsageError:
        if recording_id is not None:
            raise
        ids = _recording_ids([open_path(content) if isinstance(content, str) else Source("", memoryview(content))])
        yield read_recording(content, recording_id=ids[0], use_index=use_index)
    for one in ids[1:]:
        yield read_recording(content, recording_id=one, use_index=use_index)


def open_sources(places: Iterable[str]) -> list[Source]:
    """All files that some places mean.

    Raises:
        OSError: One cannot be opened, or a folder has no recording.
    """
    sources = []
    for place in places:
        names = [place] if place == "-" else files_below(place)
        if not names:
            raise FileNotFoundError(f"{place}: no {_SUFFIX} file in this folder or below it")
        sources += [Source("", memoryview(_stdin().read())) if name == "-" else open_path(name) for name in names]
    return sources


def _stdin() -> IO[bytes]:
    return sys.stdin.buffer


def _recording_ids(sources: Iterable[Source]) -> list[str | None]:
    found: dict[str | None, None] = {}
    for source in sources:
        try:
            segments, _ = read_segments(source)
        except FormatError:  # told of as damage by whoever reads it
            continue
        found.update(dict.fromkeys(one.header.recording_id for one in segments if one.header is not None))
    return list(found)


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
