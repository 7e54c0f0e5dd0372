"""RRD: recordings as Rerun's files, and such files as recordings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import CorruptError
from asyncrr.extras import imported
from asyncrr.interop.exported import Progress, loaded_chunks, nothing
from asyncrr.interop.imported import Imported, writer_id_of
from asyncrr.interop.rerun_batches import chunks_from, record_batch, row_ids_of
from asyncrr.query import Loaded
from asyncrr.reading import RecordingData, WriterInfo
from asyncrr.wire import RecordingHeader

__all__ = ["read_rrd", "row_id_bases", "write_rrd"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_WRITERS_PATH = "__properties/asyncrr"
_WRITER_IDS = ComponentDescriptor("writer_ids", "str")
_CREATED = ComponentDescriptor("created_ns", "int64")
_BASES = ComponentDescriptor("row_id_bases", "uint64")
_START = ComponentDescriptor("RecordingInfo:start_time", "int64", (), "rerun.components.Timestamp")


def write_rrd(data: RecordingData, path: str, entity_glob: str = "**", progress: Progress = nothing) -> None:
    """All rows, as chunks of Rerun's component types.

    The first half of a row id tells the writer (when it began, made unique), the second is the writer's number of the
    row, so that ids sort as rows do and are the same each time. Which writer has which first half stands in the static
    data of ``/__properties/asyncrr``, by which :func:`read_rrd` knows them again.

    Args:
        data: What is written.
        path: The file, replaced if there is one.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with.

    Raises:
        MissingExtraError: rerun-sdk or pyarrow is not installed.
    """
    rerun = imported("rerun.chunk", "rerun")
    bases = row_id_bases(data.writers())

    def chunks() -> Iterator[Any]:
        has_start = "__properties" in data.entity_paths() and _START.id in data.components("__properties")
        for each in _properties(data.writers(), bases, not has_start):
            yield from rerun.Chunk.from_record_batch(record_batch(each.chunk, 0))
        for each in loaded_chunks(data, entity_glob, progress):
            yield from rerun.Chunk.from_record_batch(record_batch(each.chunk, bases[each.writer_id]))

    stream = rerun.LazyChunkStream.from_iter(chunks())
    stream.write_rrd(path, application_id=data.application_id, recording_id=data.recording_id)


def row_id_bases(writers: list[WriterInfo]) -> dict[str, int]:
    """The first halves of the row ids of some writers: when each began, made unique."""
    bases: dict[str, int] = {}
    last = 0
    for writer in writers:
        last = max(last + 1, writer.created_ns)
        bases[writer.writer_id] = last
    return bases


def _properties(writers: list[WriterInfo], bases: dict[str, int], with_start: bool) -> Iterator[Loaded]:
    """Who wrote the recording, and when it began, unless it says so itself."""
    count = len(writers)
    columns = [
        Column.from_batches(_WRITER_IDS, [[writer.writer_id for writer in writers]], 1),
        Column(_CREATED, count, np.array([writer.created_ns for writer in writers], np.int64)),
        Column(_BASES, count, np.array([bases[writer.writer_id] for writer in writers], np.uint64)),
    ]
    parts = {_WRITERS_PATH: columns}
    if with_start:
        parts["__properties"] = [Column(_START, 1, np.array([writers[0].created_ns], np.int64))]
    for number, (path, found) in enumerate(parts.items()):
        by_id = {column.descriptor.id: column for column in found}
        yield Loaded(Chunk(path, np.array([number], np.uint64), {}, by_id, True), "", 0)


def read_rrd(path: str) -> Iterator[Imported]:
    """The recordings of a file, blueprints left out; rows in the order of their row ids.

    Args:
        path: The file.

    Raises:
        CorruptError: It is no RRD, or damaged.
        MissingExtraError: rerun-sdk or pyarrow is not installed.
    """
    rerun = imported("rerun.chunk", "rerun")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without a footer, which is one that nobody closed
            reader = rerun.RrdReader(path)
            stores = reader.recordings()
    except (ValueError, OSError, RuntimeError) as error:
        raise CorruptError(f"{path} is no RRD, or damaged: {error}") from error
    if not stores:
        raise CorruptError(f"{path} is no RRD, or has no recording")
    for store in stores:
        yield from _imported(store, partial(_batches, reader, store, path))


def _batches(reader: Any, store: Any, path: str) -> Iterator[Any]:
    try:
        for chunk in reader.stream(store=store):
            yield chunk.to_record_batch()
    except (ValueError, RuntimeError) as error:
        raise CorruptError(f"{path} is damaged: {error}") from error


def _imported(store: Any, batches: Callable[[], Iterator[Any]]) -> Iterator[Imported]:
    ids, chunk_ids, written, start_ns = [np.empty((0, 2), np.uint64)], [], None, None
    for batch in batches():
        place = (batch.schema.metadata or {}).get(b"rerun:entity_path", b"").decode("utf-8", "replace")
        if place == f"/{_WRITERS_PATH}":
            written = {name: batch.column(name)[0].as_py() for name in batch.schema.names[1:]}
            continue
        if place == "/__properties" and _START.id in batch.schema.names:
            start_ns = (batch.column(_START.id)[0].as_py() or [None])[0]
        ids.append(row_ids_of(batch))
        chunk_ids.append(_chunk_id(batch))
    names = store.application_id, store.recording_id
    bases = np.empty(0, np.uint64)
    if written is not None:
        writer_ids, created, firsts = (written[one.id] for one in (_WRITER_IDS, _CREATED, _BASES))
        for writer_id, created_ns, base in zip(writer_ids, created, firsts, strict=True):
            yield Imported(RecordingHeader(*names, writer_id, created_ns), _of_base(batches, base))
        bases = np.array([*firsts, 0], np.uint64)  # 0: of the properties that we write
    foreign = {chunk_id: part[~np.isin(part[:, 0], bases)] for chunk_id, part in zip(chunk_ids, ids[1:], strict=True)}
    first = min((int(part[:, 0].min()) for part in foreign.values() if len(part)), default=None)
    if written is None or first is not None:
        header = RecordingHeader(*names, writer_id_of("rrd", *names), min(start_ns or first or 0, 2**63 - 1))
        yield Imported(header, _ranked(batches, foreign, bases))


def _chunk_id(batch: Any) -> bytes:
    return bytes((batch.schema.metadata or {}).get(b"rerun:id", b""))


def _of_base(batches: Callable[[], Iterator[Any]], base: int) -> Iterator[Chunk]:
    """The chunks of one writer of ours, whose row ids tell its numbers."""
    for batch in batches():
        mask = row_ids_of(batch)[:, 0] == base
        if mask.any():
            yield from chunks_from(_only(batch, mask), lambda ids: ids[:, 1])


def _ranked(batches: Callable[[], Iterator[Any]], parts: dict[bytes, Array], bases: Array) -> Iterator[Chunk]:
    """The chunks of others, their rows numbered in the order of their ids."""
    ids = np.concatenate([*parts.values(), np.empty((0, 2), np.uint64)])
    order = np.lexsort((ids[:, 1], ids[:, 0]))
    is_next = np.zeros(len(ids), np.uint64)
    is_next[1:] = (ids[order][1:] != ids[order][:-1]).any(axis=1)
    numbers = np.empty(len(ids), np.uint64)
    numbers[order] = np.cumsum(is_next, dtype=np.uint64)
    ends = np.cumsum([0, *map(len, parts.values())])
    places = {chunk_id: numbers[low:high] for chunk_id, (low, high) in zip(parts, pairwise(ends), strict=True)}
    for batch in batches():
        found = places.get(_chunk_id(batch))
        if found is not None and len(found):
            mask = ~np.isin(row_ids_of(batch)[:, 0], bases)
            yield from chunks_from(_only(batch, mask), partial(_given, found))


def _only(batch: Any, mask: Array) -> Any:
    """The rows that are meant: another tool may have put those of several writers into one chunk."""
    return batch if mask.all() else batch.filter(imported("pyarrow", "rerun").array(mask))


def _given(numbers: Array, ids: Array) -> Array:
    """The numbers of rows whose ids were looked at before."""
    return numbers
