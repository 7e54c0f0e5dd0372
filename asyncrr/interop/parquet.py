"""Parquet and Arrow: the rows of a recording as a file of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from asyncrr.extras import imported
from asyncrr.interop.exported import Progress, loaded_chunks, nothing
from asyncrr.reading import RecordingData
from asyncrr.tables import stream

__all__ = ["write_arrow", "write_parquet"]


def write_parquet(data: RecordingData, file: IO[bytes], entity_glob: str = "**", progress: Progress = nothing) -> None:
    """All rows as Parquet, laid out as by :func:`asyncrr.tables.stream`, a row group for each chunk.

    The schema's metadata names ``application_id`` and ``recording_id``.

    Args:
        data: What is written.
        file: Where to.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with, twice: types are looked at before values.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    parquet = imported("pyarrow.parquet", "arrow")
    _write(data, entity_glob, progress, lambda schema: parquet.ParquetWriter(file, schema, compression="zstd"))


def write_arrow(data: RecordingData, file: IO[bytes], entity_glob: str = "**", progress: Progress = nothing) -> None:
    """All rows as an Arrow IPC file, as :func:`write_parquet`.

    Args:
        data: What is written.
        file: Where to.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with, twice: types are looked at before values.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    ipc = imported("pyarrow.ipc", "arrow")
    _write(data, entity_glob, progress, lambda schema: ipc.new_file(file, schema))


def _write(data: RecordingData, entity_glob: str, progress: Progress, open_writer: Callable[[Any], Any]) -> None:
    metadata = {"application_id": data.application_id, "recording_id": data.recording_id}
    reader = stream(lambda: loaded_chunks(data, entity_glob, progress), metadata)
    with open_writer(reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
