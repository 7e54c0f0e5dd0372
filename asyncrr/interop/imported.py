"""What an import gives: the chunks of each writer, to be written as a recording."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentBatch
from asyncrr.interop.exported import Progress, nothing
from asyncrr.rewriting import WriterFrames
from asyncrr.wire import Frame, RecordingHeader, encode_chunk

__all__ = ["ChunkBuilder", "Imported", "segment_of", "writer_id_of"]

_CHUNK_BYTES = 4 * 2**20
_CHUNK_ROWS = 2**14


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


class ChunkBuilder:
    """Puts rows that come one by one into chunks of a few MiB, in order of their numbers."""

    def __init__(self) -> None:
        self._groups: dict[Any, list[tuple[int, tuple[int, ...], list[ComponentBatch]]]] = {}
        self._sizes: dict[Any, int] = {}
        self._next_number = 0

    def add(
        self, entity_path: str, times: Mapping[str, tuple[str, int]], batches: list[ComponentBatch]
    ) -> Iterator[Chunk]:
        """Take a row.

        Args:
            entity_path: Of its entity, canonical.
            times: By timeline, kind and int64; none for a static row.
            batches: Its components, at least one.

        Yields:
            A chunk that is full.
        """
        kinds = tuple((name, kind) for name, (kind, _) in times.items())
        key = (entity_path, kinds, tuple(batch.descriptor for batch in batches))
        rows = self._groups.setdefault(key, [])
        rows.append((self._next_number, tuple(time for _, time in times.values()), batches))
        self._next_number += 1
        self._sizes[key] = self._sizes.get(key, 0) + sum(map(_nbytes, batches))
        if self._sizes[key] > _CHUNK_BYTES or len(rows) >= _CHUNK_ROWS:
            yield self._chunk(key)

    def finish(self) -> Iterator[Chunk]:
        """The chunks of all rows that are left."""
        for key in list(self._groups):
            yield self._chunk(key)

    def _chunk(self, key: Any) -> Chunk:
        rows = self._groups.pop(key)
        self._sizes.pop(key)
        path, kinds, descriptors = key
        times = np.array([row_times for _, row_times, _ in rows], np.int64).reshape(len(rows), len(kinds))
        columns = {}
        for place, descriptor in enumerate(descriptors):
            values = [batches[place].values for _, _, batches in rows]
            columns[descriptor.id] = Column.from_batches(descriptor, values, len(rows))
        timelines = {name: (kind, times[:, place].copy()) for place, (name, kind) in enumerate(kinds)}
        numbers = np.array([number for number, _, _ in rows], np.uint64)
        return Chunk(path, numbers, timelines, columns, not kinds)


def _nbytes(batch: ComponentBatch) -> int:
    values = batch.values
    if isinstance(values, np.ndarray):
        return int(values.nbytes)
    return sum(int(getattr(getattr(value, "buffer", value), "nbytes", 64)) for value in values)
