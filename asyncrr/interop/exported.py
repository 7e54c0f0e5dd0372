"""What an export reads: the chunks of a recording, decoded one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from asyncrr.errors import FormatError
from asyncrr.query import Loaded, glob_matches
from asyncrr.reading import RecordingData
from asyncrr.segments import DamagedRange
from asyncrr.wire import decode_chunk

__all__ = ["Progress", "loaded_chunks", "nothing"]

Progress = Callable[[int], object]
"""Is told of bytes that were dealt with."""


def nothing(nbytes: int) -> None:
    """Progress that nobody looks at."""


def loaded_chunks(data: RecordingData, entity_glob: str = "**", progress: Progress = nothing) -> Iterator[Loaded]:
    """The chunks of all entities that a pattern means, entity by entity.

    What is decoded is not kept, but for frames that several entities share. Damaged ones are noted in ``data.damage``
    and left out.
    """
    for stored in sorted(data.stored_chunks(), key=lambda stored: stored.summary.entity_path):
        if not glob_matches(entity_glob, stored.summary.entity_path):
            continue
        frame = stored.frame
        try:
            chunk = stored.load() if frame.summary.runs else decode_chunk(frame.source.frame_at(frame.offset))
        except FormatError as error:
            damaged = DamagedRange(frame.source.name, frame.offset, frame.nbytes, error.reason)
            if damaged not in data.damage:
                data.damage.append(damaged)
        else:
            yield Loaded(chunk, stored.writer_id, stored.writer_rank)
        progress(stored.nbytes)
