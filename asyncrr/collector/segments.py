"""Segments on disk: one file of one writer, written frame by frame and scanned after a restart."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from asyncrr.errors import CorruptError, FormatError
from asyncrr.syncing import sync_directory, sync_file
from asyncrr.wire import (
    KIND_CHUNK,
    KIND_GAP,
    PREAMBLE,
    PREAMBLE_BYTES,
    REPEATED,
    ChunkSummary,
    Frame,
    RawFrame,
    RecordingHeader,
    SegmentIndex,
    decode_gap,
    encode_header,
    parse_frame,
    summary_of,
    with_flags,
)
from asyncrr.wire.framing import FrameHeader

__all__ = [
    "Place",
    "Segment",
    "SegmentFacts",
    "StaticKey",
    "checked",
    "directory_name",
    "segment_paths",
]

_GATHER_BYTES = 256 * 1024
_SLICE_BYTES = 512 * 1024
_STATIC_BYTES = 16 * 2**20
"""Static frames of up to so many bytes together are repeated in a new segment, the latest first."""

StaticKey: TypeAlias = "tuple[str, tuple[str, ...]]"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame lies.

    Attributes:
        path: Of the segment.
        offset: In bytes.
        nbytes: Of the frame.
    """

    path: str
    offset: int
    nbytes: int


@dataclass(slots=True)
class SegmentFacts:
    """What is known of a segment without reading it again.

    Attributes:
        path: Of its file.
        header: Whose it is.
        end: Bytes up to the end of its last whole frame.
        last_sequence: The greatest sequence number in it.
        frames: Numbered frames in it, without repeated ones.
        rows: Rows in it, without repeated ones.
        dropped_rows: Rows that gap marks name as missing.
        is_complete: It ends with a trailer.
        statics: Where the writer's latest static frames lie.
    """

    path: str
    header: RecordingHeader
    end: int = 0
    last_sequence: int = 0
    frames: int = 0
    rows: int = 0
    dropped_rows: int = 0
    is_complete: bool = False
    statics: dict[StaticKey, Place] = field(default_factory=dict)

    def count(self, frame: RawFrame, summary: ChunkSummary | None, offset: int) -> None:
        """Take a frame that lies at ``offset`` into account."""
        self.last_sequence = max(self.last_sequence, frame.sequence)
        self.end = offset + frame.nbytes
        if summary is not None and summary.is_static:
            self.statics[summary.entity_path, summary.components] = Place(self.path, offset, frame.nbytes)
        if frame.flags & REPEATED or not frame.sequence:
            return
        self.frames += 1
        if summary is not None:
            self.rows += summary.row_count
        elif frame.kind == KIND_GAP:
            self.dropped_rows += decode_gap(frame).row_count


def directory_name(recording_id: str) -> str:
    """A bounded, harmless name for a recording's directory, different for ids that differ in any way."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", recording_id)[:48].strip("-")
    digest = hashlib.blake2b(recording_id.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return f"{readable}-{digest}" if readable else digest


def segment_paths(directory: str, writer_id: str | None = None) -> list[str]:
    """The segments below a recording's directory, each writer's in order."""
    found = []
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    for name in names:
        match = re.fullmatch(r"([0-9a-f]{32})-([0-9]{1,9})\.arrd", name)
        if match and writer_id in (None, match[1]):
            found.append((match[1], int(match[2]), os.path.join(directory, name)))
    return [path for _, _, path in sorted(found)]


class Segment:
    """A segment that is being written. Every method may block; one thread at a time calls them.

    Attributes:
        facts: What it holds, up to its last whole frame.
        synced_end: Bytes that are known to be on the disk.
        synced_sequence: The greatest sequence number among them.
        is_torn: Behind the last whole frame lie pieces of another.
    """

    def __init__(self, path: str, header: RecordingHeader, statics: dict[StaticKey, Place] | None = None) -> None:
        """Create the file, which must not exist, with its header and the writer's static frames.

        Args:
            path: Of the file.
            header: Whose it is.
            statics: Where static frames lie in earlier segments; what is written here is noted in it, too.

        Raises:
            OSError: That failed; no file is left behind.
        """
        statics = {} if statics is None else statics
        repeated = list(_repeated(statics.values()))
        self.facts: SegmentFacts = SegmentFacts(path, header, statics=statics)
        self.synced_end: int = 0
        self.synced_sequence: int = 0
        self.is_torn: bool = False
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(path, flags, 0o644)
        self._index = SegmentIndex()
        try:
            self._append([PREAMBLE])
            self.facts.end = PREAMBLE_BYTES
            self.append([parse_frame(encode_header(header)), *repeated])
            sync_directory(os.path.dirname(path))
        except BaseException:
            self.close()
            os.unlink(path)
            raise

    @property
    def index_bytes(self) -> int:
        """What is kept in memory for the trailer."""
        return self._index.nbytes

    @property
    def is_settled(self) -> bool:
        """Whether all that was written is on the disk."""
        return self.synced_end == self.facts.end

    def append(self, frames: Sequence[RawFrame]) -> None:
        """Write whole frames, unchanged. What fails is cut back to the frame before.

        Raises:
            CorruptError: A frame does not hold what its kind promises; those before it are written.
            OSError: :attr:`facts` says up to which frame it went well.
        """
        proven: list[tuple[RawFrame, ChunkSummary | None]] = []
        trouble: CorruptError | None = None
        for frame in frames:
            try:
                proven.append((frame, checked(frame)))
            except CorruptError as error:
                trouble = error
                break
        pending: list[tuple[RawFrame, ChunkSummary | None]] = []
        size = 0
        for each in proven:
            pending.append(each)
            size += each[0].nbytes
            if size >= _GATHER_BYTES:
                self._write(pending)
                pending, size = [], 0
        if pending:
            self._write(pending)
        if trouble is not None:
            raise trouble

    def append_piece(self, piece: memoryview) -> None:
        """Write the next bytes of a frame that comes in pieces.

        Raises:
            OSError: All pieces of it are cut off again.
        """
        self.is_torn = True
        self._append([piece])

    def complete_piecewise(self, header: FrameHeader, is_new: Callable[[RawFrame], bool]) -> None:
        """The last piece of a frame was written.

        Args:
            header: Of the frame.
            is_new: Whether to keep a frame that has no number.

        Raises:
            CorruptError: It does not hold what its kind promises.
            OSError: Its head cannot be read.
        """
        os.lseek(self._descriptor, self.facts.end, os.SEEK_SET)
        head = b""
        while len(head) < header.body_start and (more := os.read(self._descriptor, header.body_start - len(head))):
            head += more
        os.lseek(self._descriptor, self.facts.end + header.nbytes, os.SEEK_SET)
        frame = RawFrame(header, memoryview(head))
        summary = checked(frame)
        if frame.sequence or is_new(frame):
            self._index.add(frame, self.facts.end)
            self.facts.count(frame, summary, self.facts.end)
            self.is_torn = False
        else:
            self.cut_back()

    def cut_back(self) -> None:
        """Forget what lies behind the last whole frame."""
        if self.is_torn:
            self.cut(self.facts.end)

    def sync(self) -> None:
        """Wait until what was written before is on the disk; another thread may append meanwhile.

        Raises:
            OSError: It is not, and never will be: nothing beyond :attr:`synced_end` counts.
        """
        sequence, end = self.facts.last_sequence, self.facts.end
        if end > self.synced_end:
            sync_file(self._descriptor)
            self.synced_end, self.synced_sequence = end, sequence

    def finish(self) -> None:
        """Write the trailer: no frame follows."""
        trailer = parse_frame(self._index.trailer(self.facts.end))
        self._append([trailer.data])
        self.facts.end += trailer.nbytes
        self.facts.is_complete = True

    def cut(self, end: int) -> None:
        """Forget what lies behind ``end``."""
        os.ftruncate(self._descriptor, end)
        os.lseek(self._descriptor, end, os.SEEK_SET)
        self.is_torn = False

    def close(self) -> None:
        """Let go of the file; a trailer is not written."""
        with suppress(OSError):  # half a frame at the end does no harm
            self.cut_back()
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, frames: list[tuple[RawFrame, ChunkSummary | None]]) -> None:
        self._append([frame.data for frame, _ in frames])
        for frame, summary in frames:
            self._index.add(frame, self.facts.end)
            self.facts.count(frame, summary, self.facts.end)

    def _append(self, parts: list[bytes] | list[memoryview]) -> None:
        """Write all of it or nothing."""
        data = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
        try:
            while data:
                data = data[write_some(self._descriptor, data[:_SLICE_BYTES]) :]
        except BaseException:
            self.cut(self.facts.end)
            raise


write_some: Callable[[int, Any], int] = os.write
"""How bytes reach a file: one place, so that a full disk can be rehearsed."""


def checked(frame: RawFrame) -> ChunkSummary | None:
    """The summary of a chunk, and proof that other frames can be read."""
    if frame.kind == KIND_CHUNK:
        return summary_of(frame)
    if frame.kind == KIND_GAP:
        decode_gap(frame)
    return None


def _repeated(statics: Iterable[Place]) -> Iterator[RawFrame]:
    """Static frames out of earlier segments, marked as repeated; one that cannot be read is left out."""
    room = _STATIC_BYTES
    chosen = []
    for place in reversed(list(statics)):
        room -= place.nbytes
        if room < 0:
            break
        chosen.append(place)
    for place in reversed(chosen):
        try:
            with open(place.path, "rb") as file:
                file.seek(place.offset)
                raw = parse_frame(file.read(place.nbytes))
        except (OSError, FormatError):
            continue
        frame = Frame(raw.kind, raw.flags, raw.sequence, (raw.data,), raw.nbytes, 0)
        yield parse_frame(with_flags(frame, REPEATED))
