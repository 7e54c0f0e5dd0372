"""Text: the rows of a recording as CSV or NDJSON."""

from __future__ import annotations

import base64
import csv
import heapq
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from asyncrr.components import TensorValue
from asyncrr.interop.exported import Progress, nothing
from asyncrr.query import Row, glob_matches
from asyncrr.reading import RecordingData

__all__ = ["CSV_TITLES", "ENCODER", "csv_lines", "plain", "row_object", "rows_in_order", "write_csv", "write_ndjson"]

ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)

CSV_TITLES = ("entity", "writer", "row", "static", "component", "values")
"""The columns of CSV; each timeline has one between the fourth and the fifth."""


def write_csv(data: RecordingData, file: IO[bytes], entity_glob: str = "**", progress: Progress = nothing) -> None:
    """One line for each component of each row, in the order of the calls; its instances as JSON, times as int64.

    Args:
        data: What is written.
        file: Where to, in UTF-8.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with.
    """
    timelines = list(data.timelines())
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*CSV_TITLES[:4], *timelines, *CSV_TITLES[4:]])
    for path, row in rows_in_order(data, entity_glob, None):
        writer.writerows(csv_lines(path, row, row.components, timelines))
        progress(_nbytes(row))
    text.flush()
    text.detach()


def write_ndjson(data: RecordingData, file: IO[bytes], entity_glob: str = "**", progress: Progress = nothing) -> None:
    """One JSON object for each row, in the order of the calls, as :func:`row_object` makes it.

    Args:
        data: What is written.
        file: Where to, in UTF-8.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with.
    """
    for path, row in rows_in_order(data, entity_glob, None):
        found = plain(row_object(path, row, row.components))
        file.write(ENCODER.encode(found).encode("utf-8", "replace") + b"\n")
        progress(_nbytes(row))


def rows_in_order(data: RecordingData, entity_glob: str, timeline: str | None) -> Iterator[tuple[str, Row]]:
    """The rows of all entities that a pattern means, in the order of the calls, or of a timeline."""
    ranks = {writer.writer_id: rank for rank, writer in enumerate(data.writers())}

    def of_entity(path: str) -> Iterator[tuple[tuple[int, int, int], str, Row]]:
        for row in data.rows(path, timeline=timeline):
            time = 0 if timeline is None or row.is_static else row.times[timeline]
            place = time if row.times or timeline is None else -(2**63)
            yield (place, ranks[row.row_id.writer_id], row.row_id.number), path, row

    streams = [of_entity(path) for path in data.entity_paths() if glob_matches(entity_glob, path)]
    for _, path, row in heapq.merge(*streams, key=lambda one: one[0]):
        yield path, row


def row_object(path: str, row: Row, components: Mapping[str, Any]) -> dict[str, Any]:
    """A row as one object: ``entity``, ``writer``, ``row``, ``static``, ``times``, ``components``."""
    return {
        "entity": path,
        "writer": row.row_id.writer_id,
        "row": row.row_id.number,
        "static": row.is_static,
        "times": row.times,
        "components": components,
    }


def csv_lines(path: str, row: Row, components: Mapping[str, Any], timelines: Sequence[str]) -> Iterator[list[Any]]:
    """The cells of each component of a row."""
    times = [row.times.get(name, "") for name in timelines]
    start = [path, row.row_id.writer_id, row.row_id.number, str(row.is_static).lower()]
    for name, values in components.items():
        yield [*start, *times, name, json.dumps(plain(values), ensure_ascii=False)]


def plain(value: Any) -> Any:
    """Made of what JSON knows: NaN and infinities as text, bytes as ``{"base64": ...}``, tensors with their shape."""
    if isinstance(value, np.ndarray):
        numbers = value.tolist()
        return numbers if value.dtype.kind != "f" or np.isfinite(value).all() else plain(numbers)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, TensorValue):
        names = {} if value.names is None else {"names": list(value.names)}
        shape = list(value.buffer.shape)
        return {"dtype": value.buffer.dtype.name, "shape": shape, **names, "values": plain(value.buffer)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return {"base64": base64.b64encode(value).decode()}
    return value


def _nbytes(row: Row) -> int:
    """About what a row takes."""
    return 64 + sum(int(getattr(values, "nbytes", 8 * len(values))) for values in row.components.values())
