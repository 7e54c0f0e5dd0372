"""Parquet and Arrow: the rows of a recording as a file of either."""

from __future__ import annotations

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
    reader = _reader(data, entity_glob, progress)
    parquet = imported("pyarrow.parquet", "arrow")
    with parquet.ParquetWriter(file, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


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
    reader = _reader(data, entity_glob, progress)
    with imported("pyarrow.ipc", "arrow").new_file(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _reader(data: RecordingData, entity_glob: str, progress: Progress) -> Any:
    metadata = {"application_id": data.application_id, "recording_id": data.recording_id}
    return stream(lambda: loaded_chunks(data, entity_glob, progress), metadata)
