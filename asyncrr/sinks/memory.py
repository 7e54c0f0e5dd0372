"""A sink that keeps frames in memory: the whole contract of a sink in a few lines."""

from __future__ import annotations

from asyncrr.outbox import Outbox
from asyncrr.wire import PREAMBLE, Frame, encode_header

__all__ = ["MemorySink"]

_TAKE_BYTES = 2**20


class MemorySink:
    """Keeps every frame until it is drained; a frame counts as delivered once it is here.

    Not bounded: the one who made the recording drains it.
    """

    name = "memory"

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._preface: list[Frame] = []
        self._outbox: Outbox | None = None

    def attach(self, outbox: Outbox) -> None:
        """Begin to take from `outbox`."""
        if outbox is not self._outbox:
            self._preface = outbox.preface
        self._outbox = outbox
        outbox.opened()
        self.wake()

    def wake(self) -> None:
        """Take what there is."""
        outbox = self._outbox
        if outbox is None:
            return
        while frames := outbox.take(_TAKE_BYTES):
            self._frames += frames
            outbox.delivered(frames[-1].sequence)
        if outbox.is_closing and not outbox.is_closed:
            outbox.closed()

    def finish(self, timeout: float) -> None:
        """Take what is left at the process' end."""
        self.wake()

    def forget(self) -> MemorySink:
        """Start empty in a forked child: what is here belongs to the parent."""
        return MemorySink()

    @property
    def frame_count(self) -> int:
        """How many frames are kept."""
        return len(self._frames)

    def drain(self) -> bytes:
        """Give away what is kept, as the bytes of a file, and start empty."""
        frames, self._frames = self._frames, []
        if self._outbox is None or not frames:
            return b""
        first, self._preface = [encode_header(self._outbox.header), *self._preface], []
        return b"".join([PREAMBLE, *(buffer for frame in [*first, *frames] for buffer in frame.buffers)])
