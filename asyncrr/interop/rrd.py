"""RRD: recordings as Rerun's files, and such files as recordings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk, Column
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
    parts, written, start_ns = [np.empty((0, 2), np.uint64)], None, None
    for batch in batches():
        place = (batch.schema.metadata or {}).get(b"rerun:entity_path", b"").decode("utf-8", "replace")
        if place == f"/{_WRITERS_PATH}":
            written = {name: batch.column(name)[0].as_py() for name in batch.schema.names[1:]}
            continue
        if place == "/__properties" and _START.id in batch.schema.names:
            start_ns = (batch.column(_START.id)[0].as_py() or [None])[0]
        parts.append(row_ids_of(batch))
    ids = np.unique(np.concatenate(parts), axis=0)
    names = store.application_id, store.recording_id
    if written is not None:
        for writer_id, created_ns, base in zip(
            *(written[one.id] for one in (_WRITER_IDS, _CREATED, _BASES)), strict=True
        ):
            header = RecordingHeader(*names, writer_id, created_ns)
            yield Imported(header, _of_base(batches, base))
        known = np.isin(ids[:, 0], np.array([*written[_BASES.id], 0], np.uint64))
        ids = ids[~known]
    if written is None or len(ids):
        created_ns = start_ns if start_ns is not None else int(ids[0, 0]) if len(ids) else 0
        header = RecordingHeader(*names, writer_id_of("rrd", *names), min(created_ns, 2**63 - 1))
        yield Imported(header, _ranked(batches, ids))


def _of_base(batches: Callable[[], Iterator[Any]], base: int) -> Iterator[Chunk]:
    """The chunks of one writer of ours, whose row ids tell its numbers."""
    for batch in batches():
        ids = row_ids_of(batch)
        if len(ids) and (ids[:, 0] == base).all():
            yield from chunks_from(batch, lambda ids: ids[:, 1])


def _ranked(batches: Callable[[], Iterator[Any]], ids: Array) -> Iterator[Chunk]:
    """The chunks of others, their rows numbered in the order of their ids."""
    keys = _keys(ids)

    def number(found: Array) -> Array:
        return np.searchsorted(keys, _keys(found)).astype(np.uint64)

    for batch in batches():
        found = row_ids_of(batch)
        if len(found) and np.isin(_keys(found), keys).all():
            yield from chunks_from(batch, number)


def _keys(ids: Array) -> Array:
    """Row ids as values that sort as they do."""
    pairs = np.empty(len(ids), np.dtype([("time", np.uint64), ("count", np.uint64)]))
    pairs["time"], pairs["count"] = ids[:, 0], ids[:, 1]
    return pairs
