"""Grouping: chunks of one layout, gathered until there are enough for larger frames."""

from __future__ import annotations

from asyncrr.chunks import Chunk
from asyncrr.joining import join_chunks
from asyncrr.segments import StoredFrame
from asyncrr.wire import Frame, encode_chunk

__all__ = ["Group"]

_GROUP_BYTES = 4 * 2**20
_GROUP_ROWS = 2**16
_GROUP_ENTITIES = 2**13
_GROUP_PATHS = 2**17
"""Characters that the paths in one chunk have together at most: a frame's head is bounded."""

_OWN_SHARE = 8
"""An entity with at least this part of a group's bytes gets a chunk of its own; others share one."""


class Group:
    """Chunks of one layout that become as few frames as make sense.

    Attributes:
        last_sequence: Of what was added last.
    """

    def __init__(self) -> None:
        self.last_sequence: int = 0
        self._frames: list[StoredFrame] = []
        self._by_entity: dict[str, list[Chunk]] = {}
        self._last_rows: dict[str, int] = {}
        self._nbytes = self._rows = self._characters = 0

    def has_room(self, frame: StoredFrame, chunk: Chunk) -> bool:
        """Whether one more chunk fits, and its rows are later than those of the same entities."""
        if not self._frames:
            return True
        if self._nbytes + frame.nbytes > _GROUP_BYTES or self._rows + len(chunk) > _GROUP_ROWS:
            return False
        parts = chunk.split()
        new = [part.entity_path for part in parts if part.entity_path not in self._by_entity]
        if len(self._by_entity) + len(new) > _GROUP_ENTITIES or self._characters + sum(map(len, new)) > _GROUP_PATHS:
            return False
        return all(int(part.row_numbers[0]) > self._last_rows.get(part.entity_path, -1) for part in parts)

    def add(self, frame: StoredFrame, chunk: Chunk) -> None:
        """Take a chunk and the frame it is from."""
        self.last_sequence = frame.sequence
        self._frames.append(frame)
        self._nbytes += frame.nbytes
        self._rows += len(chunk)
        for part in chunk.split():
            if part.entity_path not in self._by_entity:
                self._characters += len(part.entity_path)
            self._by_entity.setdefault(part.entity_path, []).append(part)
            self._last_rows[part.entity_path] = int(part.row_numbers[-1])

    def finish(self, zstd_level: int | None) -> list[StoredFrame | Frame]:
        """The frames, each under the number of one that it is made of; they are never more than there were.

        Args:
            zstd_level: Compress bodies. ``None`` does not.
        """
        if len(self._frames) == 1 and zstd_level is None:
            return list(self._frames)
        joined = {path: join_chunks(chunks) for path, chunks in self._by_entity.items()}
        numbers = sorted({frame.sequence for frame in self._frames})
        by_size = sorted(joined.values(), key=lambda chunk: -chunk.nbytes)
        least = sum(chunk.nbytes for chunk in by_size) / _OWN_SHARE
        own = [chunk for chunk in by_size[: len(numbers) - 1] if chunk.nbytes >= least]
        if len(own) == len(by_size) - 1:  # the one that is left has nobody to share with
            own = by_size
        sharing = [joined[path] for path in sorted(joined) if all(joined[path] is not chunk for chunk in own)]
        chunks = [*own, *([join_chunks(sharing)] if sharing else [])]
        return [
            encode_chunk(chunk, number, 0, zstd_level)
            for chunk, number in zip(chunks, numbers[len(numbers) - len(chunks) :], strict=True)
        ]
