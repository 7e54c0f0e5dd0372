"""What a spool holds, read back to be sent."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterator

from asyncrr.errors import CorruptError, SinkError
from asyncrr.sinks.spool import SpoolFile
from asyncrr.wire import (
    KIND_CHUNK,
    KIND_GAP,
    KIND_HEADER,
    KIND_TRAILER,
    REPEATED,
    Frame,
    FrameEvent,
    FrameReader,
    Gap,
    RawFrame,
    RecordingHeader,
    decode_gap,
    decode_header,
    encode_gap,
    summary_of,
)

__all__ = ["Spooled", "open_spooled", "remove_empty", "spooled_writers"]

_READ_BYTES = 2**20
_NAME = re.compile(r"([0-9a-f]{32})-([0-9]{1,9})\.arrd")


class Spooled:
    """What a spool holds of one writer, as the one who sends it sees it: an :class:`asyncrr.outbox.Outgoing`.

    Args:
        header: Whose frames.
        files: Oldest first; a list that may grow at its end, by files whose ends may grow.
        first_sequence: Of the first frame that will ever be in them.

    Attributes:
        last_sequence: Of the last frame that can be sent now.
        state: As :attr:`asyncrr.outbox.SinkStats.status`.
        last_trouble: What went wrong last.
        is_unreachable: The last attempt failed, or the session was cut, and no other is agreed yet.
        damaged: Frames that cannot be read any more; a gap mark stands for them.
        on_change: Called when anything here has changed.
    """

    def __init__(self, header: RecordingHeader, files: list[SpoolFile], first_sequence: int) -> None:
        self.header = header
        self.preface: list[Frame] = []
        self.error: SinkError | None = None
        self.is_closing: bool = False
        self.is_complete: bool = True
        self.is_open: bool = False
        self.is_closed: bool = False
        self.durable_sequence: int = first_sequence - 1
        self.last_sequence: int = first_sequence - 1
        self.state: str = "connecting"
        self.last_trouble: BaseException | None = None
        self.is_unreachable: bool = False
        self.damaged: int = 0
        self.on_change: Callable[[], None] = lambda: None
        self._files = files
        self._taken = first_sequence - 1
        self._last_row = -1
        self._found: deque[Frame] = deque()
        self._reader = FrameReader()
        self._read_file: SpoolFile | None = None
        self._read_bytes = 0
        self._is_read = False

    @property
    def is_empty(self) -> bool:
        """Whether all is acknowledged."""
        return self.durable_sequence >= self.last_sequence

    @property
    def has_queued(self) -> bool:
        """Whether there is anything to take."""
        return self._taken < self.last_sequence

    def take(self, max_bytes: int) -> list[Frame]:
        """The next frames of at most `max_bytes` together, but at least one if there is any.

        Raises:
            OSError: The files cannot be read.
        """
        frames: list[Frame] = []
        room = min(max_bytes, _READ_BYTES)
        while self.has_queued and (self._found or self._read_more()):
            if not self._found:
                continue
            if frames and self._found[0].nbytes > room:
                break
            frame = self._found.popleft()
            room -= frame.nbytes
            frames.append(frame)
            self._taken = frame.sequence
        if not frames and self.has_queued:  # what was to come is damaged up to the end
            frames.append(self._gap_before(self.last_sequence + 1, self._last_row + 1))
            self._taken = self.last_sequence
        return frames

    def _read_more(self) -> bool:
        """Look at some more bytes; tells whether there may be others."""
        file = self._read_file
        if file is None:
            if not self._files:
                return False
            file = self._read_file = self._files[0]
        size = min(file.end - self._read_bytes, _READ_BYTES)
        if size > 0:
            with open(file.path, "rb") as stream:
                stream.seek(self._read_bytes)
                data = stream.read(size)
            self._read_bytes += len(data)
            self._note(self._reader.feed(data))
            return bool(data)
        if not file.is_closed or self._is_read:
            return False
        self._note(self._reader.close())
        place = self._files.index(file) + 1 if file in self._files else 0
        if place < len(self._files):
            self._reader, self._read_file, self._read_bytes = FrameReader(), self._files[place], 0
        else:
            self._is_read = True
        return True

    def _note(self, events: list[FrameEvent]) -> None:
        for event in events:
            if not isinstance(event, RawFrame) or event.kind in (KIND_HEADER, KIND_TRAILER):
                continue
            before = self._found[-1].sequence if self._found else self._taken
            if event.sequence <= before or (rows := _rows(event)) is None:
                continue
            first, last, count = rows
            if event.sequence - count > before:
                self._found.append(self._gap_before(event.sequence - count + 1, first))
            self._found.append(Frame(event.kind, event.flags, event.sequence, (event.data,), event.nbytes, 0))
            self._last_row = last

    def _gap_before(self, sequence: int, row: int) -> Frame:
        """Stands for frames that are damaged, up to the one before `sequence`; each had one row at least."""
        before = self._found[-1].sequence if self._found else self._taken
        count = sequence - 1 - before
        self.damaged += count
        first = self._last_row + 1
        return encode_gap(Gap(first, max(first, row - 1), count, "spool_damaged", frame_count=count), sequence - 1)

    def delivered(self, sequence: int) -> None:
        """Everything up to frame `sequence` is on the collector's disk: whole files of it are removed."""
        self.durable_sequence = max(self.durable_sequence, sequence)
        self.tidy()
        self.on_change()

    def tidy(self) -> None:
        """Remove the files that are acknowledged."""
        while self._files and self._files[0].is_closed and self._files[0].last_sequence <= self.durable_sequence:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._files[0].path)
            del self._files[0]

    def rewind(self, durable: int) -> None:
        """Everything above frame `durable` is to be taken again."""
        self._taken = durable
        self._found.clear()
        self._reader, self._read_file, self._read_bytes, self._is_read = FrameReader(), None, 0, False
        self.last_sequence = max(self.last_sequence, durable)
        self.delivered(durable)

    def opened(self, state: str) -> None:
        """A session is agreed."""
        self.is_open = True
        self.is_unreachable = False
        self.status(state)

    def status(self, state: str) -> None:
        """Tell in a word what goes on."""
        self.state = state
        self.on_change()

    def trouble(self, error: BaseException) -> None:
        """Something is wrong that may heal."""
        self.last_trouble = error
        self.is_unreachable = True
        self.on_change()

    def fail(self, error: SinkError) -> None:
        """The collector refuses what is here: it stays."""
        self.error = error
        self.is_unreachable = True
        self.status("open")

    def closed(self) -> None:
        """The connection was let go of."""
        self.is_closed = True
        self.on_change()


def _rows(frame: RawFrame) -> tuple[int, int, int] | None:
    """The first and last row of a frame, and how many numbers it stands for; ``None`` where its head is damaged."""
    try:
        if frame.kind == KIND_GAP:
            gap = decode_gap(frame)
            return gap.first_row, gap.last_row, gap.frame_count
        summary = summary_of(frame)
    except CorruptError:
        return None
    return summary.first_row, summary.last_row, 1


def spooled_writers(directory: str) -> list[str]:
    """The writers that have files in a spool, oldest first.

    Raises:
        OSError: The directory cannot be read.
    """
    oldest: dict[str, float] = {}
    for name in os.listdir(directory):
        if match := _NAME.fullmatch(name):
            with contextlib.suppress(FileNotFoundError):
                age = os.stat(os.path.join(directory, name)).st_mtime
                oldest[match[1]] = min(age, oldest.get(match[1], age))
    return sorted(oldest, key=lambda writer_id: (oldest[writer_id], writer_id))


def remove_empty(directory: str, writer_id: str) -> None:
    """Remove files that a writer, which is gone, had just made when it was killed.

    Raises:
        OSError: The directory cannot be read, or written to.
    """
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if (match := _NAME.fullmatch(name)) and match[1] == writer_id and os.stat(path).st_size == 0:
            os.unlink(path)


def open_spooled(directory: str, writer_id: str) -> Spooled | None:
    """What a spool holds of a writer that is gone; ``None`` where nothing of it can be read.

    Raises:
        OSError: Its files cannot be read.
        UnsupportedVersionError: A newer version wrote them.
    """
    names = [match for name in os.listdir(directory) if (match := _NAME.fullmatch(name)) and match[1] == writer_id]
    files: list[SpoolFile] = []
    header: RecordingHeader | None = None
    preface: list[Frame] = []
    sequences: list[int] = []
    is_complete = False
    for match in sorted(names, key=lambda match: int(match[2])):
        file = SpoolFile(os.path.join(directory, match[0]), is_closed=True)
        files.append(file)
        for frame in _frames_of(file):
            is_complete = frame.kind == KIND_TRAILER
            if frame.kind == KIND_HEADER:
                header = header or decode_header(frame)
            elif frame.sequence == 0 and frame.kind == KIND_CHUNK and len(files) == 1:
                preface.append(Frame(frame.kind, frame.flags, 0, (frame.data,), frame.nbytes, 0))
            elif frame.sequence and not frame.flags & REPEATED and (rows := _rows(frame)) is not None:
                sequences += [frame.sequence - rows[2] + 1, frame.sequence]
                file.last_sequence = frame.sequence
    if header is None:
        return None
    found = Spooled(header, files, min(sequences, default=1))
    found.preface = preface
    found.last_sequence = max(sequences, default=0)
    found.is_closing = True
    found.is_complete = is_complete
    return found


def _frames_of(file: SpoolFile) -> Iterator[RawFrame]:
    """The whole frames of a file, whose end is found on the way."""
    reader = FrameReader()
    with open(file.path, "rb") as stream:
        while data := stream.read(_READ_BYTES):
            file.end += len(data)
            yield from (event for event in reader.feed(data) if isinstance(event, RawFrame))
    yield from (event for event in reader.close() if isinstance(event, RawFrame))
