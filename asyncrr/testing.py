"""Recordings for tests: kept in memory, active while the test runs, and easy to ask.

With pytest, ask for the fixture ``asyncrr_recording``; it is there as soon as asyncrr is installed::

    def test_training(asyncrr_recording):
        train(steps=3)                                  # calls rr.log("loss", ...)
        assert asyncrr_recording.scalars("loss") == [3.0, 2.0, 1.0]

``pytest --asyncrr-save-failed DIR`` writes what such tests had logged when they failed, for the viewer. Elsewhere
:func:`recorded` gives the same.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

from asyncrr.api import set_global_data_recording
from asyncrr.query import Row
from asyncrr.reading import RecordingData, read_recording
from asyncrr.recording_stream import MemoryRecording, RecordingStream

__all__ = ["Recorded", "recorded", "save_below"]

_MAX_NAME_LENGTH = 150


class Recorded:
    """A recording in memory and what has been logged to it so far.

    Attributes:
        recording: The recording itself.
    """

    def __init__(self, recording: RecordingStream) -> None:
        self.recording = recording
        self._memory: MemoryRecording = recording.memory_recording()
        self._pieces: list[bytes] = []

    def as_bytes(self) -> bytes:
        """All of it, as the bytes of a file; flushes first, which blocks the calling thread for a moment."""
        if piece := self._memory.drain_as_bytes():
            self._pieces = [b"".join([*self._pieces, piece])]
        return self._pieces[0] if self._pieces else b""

    @property
    def data(self) -> RecordingData:
        """All of it, as :func:`asyncrr.read_recording` gives it."""
        return read_recording(self.as_bytes())

    def entity_paths(self) -> list[str]:
        """Where something was logged."""
        return self.data.entity_paths() if self.as_bytes() else []

    def rows(self, entity_path: str, timeline: str | None = None) -> list[Row]:
        """The rows of an entity; none where nothing was logged there.

        Args:
            entity_path: The entity.
            timeline: Order by this one, leaving out rows without it; ``None`` orders as logged.
        """
        return list(self.data.rows(entity_path, timeline)) if self.as_bytes() else []

    def scalars(self, entity_path: str, timeline: str | None = None) -> list[float]:
        """The numbers that were logged as ``Scalars`` at an entity, those of all rows one after the other.

        Args:
            entity_path: The entity.
            timeline: As for :meth:`rows`.
        """
        return [float(number) for values in self._values(entity_path, "Scalars:scalars", timeline) for number in values]

    def texts(self, entity_path: str, timeline: str | None = None) -> list[str]:
        """The lines that were logged as ``TextLog`` at an entity.

        Args:
            entity_path: The entity.
            timeline: As for :meth:`rows`.
        """
        return [str(text) for values in self._values(entity_path, "TextLog:text", timeline) for text in values]

    def _values(self, entity_path: str, component: str, timeline: str | None) -> Iterator[Iterator[Any]]:
        for row in self.rows(entity_path, timeline):
            if component in row.components:
                yield iter(row.components[component])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all of it to a file, in place of what may be there.

        Raises:
            OSError: It cannot be written.
        """
        with open(path, "wb") as file:
            file.write(self.as_bytes())


@contextlib.contextmanager
def recorded(application_id: str = "tests") -> Iterator[Recorded]:
    """A recording in memory that is the active one inside, in all tasks and threads that have no other.

    It is strict, so that a test fails where bad data would only be a warning.

    Args:
        application_id: Its application.
    """
    recording = RecordingStream(application_id, recording_id=uuid.uuid4(), default_enabled=True, strict=True)
    before = set_global_data_recording(recording)
    try:
        with recording:
            yield Recorded(recording)
    finally:
        set_global_data_recording(before)
        recording.close()


def save_below(folder: str | os.PathLike[str], name: str, one: Recorded) -> str:
    """Write a recording into a folder, which is made if need be, under a name made of any text.

    Returns:
        The path.
    """
    os.makedirs(folder, exist_ok=True)
    readable = re.sub(r"[^\w.\-]+", "_", name).strip("_")[-_MAX_NAME_LENGTH:]
    path = os.path.join(folder, f"{readable}-{zlib.crc32(name.encode()):08x}.arrd")
    one.save(path)
    return path
