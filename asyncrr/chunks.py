"""Chunks: rows of one entity, with the same components and timelines, held as columns."""

from __future__ import annotations

from typing import NamedTuple

from asyncrr.columns import Array, Column, starts_of
from asyncrr.components import BatchValues

__all__ = ["Bundle", "Chunk", "ChunkRow", "Run"]


class ChunkRow(NamedTuple):
    """One row of a chunk.

    Attributes:
        number: The writer's number of the row.
        times: By timeline, an int64; empty for a static row.
        components: By component id, the instances.
    """

    number: int
    times: dict[str, int]
    components: dict[str, BatchValues]


class Chunk:
    """Rows of one entity as columns: each row has each timeline and each component.

    Attributes:
        entity_path: Of the entity.
        row_numbers: uint64 ``(rows,)``, strictly increasing: the writer's own count of its rows, from 0.
        timelines: By name, the kind and the times, int64 ``(rows,)``; empty for static rows.
        columns: By component id.
        is_static: The rows have no time and hold on all timelines.
    """

    __slots__ = ("columns", "entity_path", "is_static", "row_numbers", "timelines")

    def __init__(
        self,
        entity_path: str,
        row_numbers: Array,
        timelines: dict[str, tuple[str, Array]],
        columns: dict[str, Column],
        is_static: bool = False,
    ) -> None:
        self.entity_path: str = entity_path
        self.row_numbers: Array = row_numbers
        self.timelines: dict[str, tuple[str, Array]] = timelines
        self.columns: dict[str, Column] = columns
        self.is_static: bool = is_static

    def __repr__(self) -> str:
        return f"<Chunk {self.entity_path}: {len(self)} rows of {', '.join(self.columns)}>"

    def __len__(self) -> int:
        return len(self.row_numbers)

    @property
    def nbytes(self) -> int:
        """Bytes that the chunk's columns hold."""
        held: int = self.row_numbers.nbytes + sum(times.nbytes for _, times in self.timelines.values())
        return held + sum(column.nbytes for column in self.columns.values())

    def slice(self, start: int, stop: int) -> Chunk:
        """The rows from ``start`` to before ``stop``; they share this chunk's memory."""
        return Chunk(
            self.entity_path,
            self.row_numbers[start:stop],
            {name: (kind, times[start:stop]) for name, (kind, times) in self.timelines.items()},
            {id_: column.slice(start, stop) for id_, column in self.columns.items()},
            self.is_static,
        )

    def split(self) -> list[Chunk]:
        """One chunk for each entity."""
        return [self]

    def row(self, index: int) -> ChunkRow:
        """One row, by its place in the chunk; arrays are views."""
        return ChunkRow(
            int(self.row_numbers[index]),
            {name: int(times[index]) for name, (_, times) in self.timelines.items()},
            {id_: column.batch(index) for id_, column in self.columns.items()},
        )


class Run(NamedTuple):
    """Rows of one entity that follow one another.

    Attributes:
        entity_path: Of the entity.
        row_count: At least one.
    """

    entity_path: str
    row_count: int


class Bundle(Chunk):
    """Rows of several entities, one entity after another: a chunk for many that have few rows each.

    Row numbers increase within each entity. Static rows are never bundled.

    Attributes:
        runs: The entities, in order.
        entity_path: The entities in short, for messages.
    """

    __slots__ = ("runs",)

    def __init__(
        self,
        runs: tuple[Run, ...],
        row_numbers: Array,
        timelines: dict[str, tuple[str, Array]],
        columns: dict[str, Column],
    ) -> None:
        super().__init__(f"{runs[0].entity_path} and {len(runs) - 1} more", row_numbers, timelines, columns)
        self.runs: tuple[Run, ...] = runs

    @property
    def starts(self) -> Array:
        """Where each entity's rows begin, int64 ``(runs,)``."""
        return starts_of([run.row_count for run in self.runs])[:-1]

    def split(self) -> list[Chunk]:
        chunks = []
        start = 0
        for path, count in self.runs:
            chunk = self.slice(start, start + count)
            chunk.entity_path = path
            chunks.append(chunk)
            start += count
        return chunks
