"""What an import gives: the chunks of each writer, to be written as a recording."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from asyncrr.chunks import Chunk
from asyncrr.interop.exported import Progress, nothing
from asyncrr.rewriting import WriterFrames
from asyncrr.wire import Frame, RecordingHeader, encode_chunk

__all__ = ["Imported", "segment_of", "writer_id_of"]


class Imported(NamedTuple):
    """What one writer has.

    Attributes:
        header: Whose.
        chunks: Its rows, numbered.
    """

    header: RecordingHeader
    chunks: Iterable[Chunk]


def writer_id_of(*names: str) -> str:
    """A writer id for data that knows none: the same for the same names, so that importing twice gives the same."""
    return hashlib.blake2b("\0".join(names).encode("utf-8", "replace"), digest_size=16).hexdigest()


def segment_of(found: Imported, progress: Progress = nothing) -> WriterFrames:
    """The segment that holds it, complete.

    Args:
        found: What was imported.
        progress: Is told of bytes that were dealt with.
    """

    def frames() -> Iterator[Frame]:
        for sequence, chunk in enumerate(found.chunks, 1):
            yield encode_chunk(chunk, sequence)
            progress(chunk.nbytes)

    return WriterFrames(found.header, frames(), True)
