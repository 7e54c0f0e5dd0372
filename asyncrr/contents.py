"""Contents: what one writer left of a recording, out of all the segments that hold some of it."""

from __future__ import annotations

from typing import NamedTuple

from asyncrr.errors import FormatError
from asyncrr.segments import Segment, StoredFrame
from asyncrr.wire.segment_frames import Gap, RecordingHeader

__all__ = ["LEFT_OUT", "WriterContents", "WriterInfo"]

LEFT_OUT = "filtered"
"""The reason of a gap mark for rows that somebody left out on purpose."""


class WriterInfo(NamedTuple):
    """One process, or one opening of the recording in it, that wrote rows.

    Attributes:
        writer_id: 32 hexadecimal digits; something else where the header was damaged.
        created_ns: When it began, in nanoseconds since 1970 UTC.
        row_count: Rows that are here.
        last_sequence: The greatest number of its frames.
        is_ended: It closed in peace, and nothing that it wrote before is missing here.
    """

    writer_id: str
    created_ns: int
    row_count: int
    last_sequence: int
    is_ended: bool


class WriterContents:
    """What one writer left.

    Attributes:
        writer_id: The writer's.
        header: Of its recording, or ``None`` where it was damaged.
        created_ns: When it began, in nanoseconds since 1970 UTC.
        frames: Those of its chunks, by sequence number.
        pieces: Further ones of the same number: a tool has cut a frame, and these have rows that the first has not.
        repeated: Frames without a number: copies of what another writer numbered.
        gaps: Its gap marks, by sequence number.
        missing: Those of its gaps whose rows no source has.
        is_ended: It closed in peace, and nothing that it wrote before is missing here.
    """

    def __init__(self, writer_id: str) -> None:
        self.writer_id = writer_id
        self.header: RecordingHeader | None = None
        self.created_ns: int = 0
        self.frames: dict[int, StoredFrame] = {}
        self.pieces: dict[int, list[StoredFrame]] = {}
        self.repeated: list[StoredFrame] = []
        self.gaps: dict[int, Gap] = {}
        self.missing: list[Gap] = []
        self.is_ended: bool = False
        self._ends: set[int] = set()

    def add(self, segment: Segment) -> None:
        """Take what a segment holds."""
        if segment.header is not None:
            self.header = segment.header
            self.created_ns = segment.header.created_ns
        for frame in segment.frames:
            if not frame.sequence:
                self.repeated.append(frame)
            elif self.frames.setdefault(frame.sequence, frame) is not frame:
                self.pieces.setdefault(frame.sequence, []).append(frame)
        self.gaps.update(segment.gaps)
        if segment.is_ended:
            numbers = [frame.sequence for frame in segment.frames] + [sequence for sequence, _ in segment.gaps]
            self._ends.add(max(numbers, default=0))

    def settle(self) -> None:
        """Everything was added: see what is there twice, and what is missing."""
        for sequence, others in list(self.pieces.items()):
            self.frames[sequence], *rest = _distinct([self.frames[sequence], *others])
            if rest:
                self.pieces[sequence] = rest
            else:
                del self.pieces[sequence]
        self.missing = [
            gap
            for sequence, gap in sorted(self.gaps.items())
            if gap.row_count
            and not all(number in self.frames for number in range(sequence - gap.frame_count + 1, sequence + 1))
        ]
        self.is_ended = self.last_sequence in self._ends or (not self.last_sequence and bool(self._ends))

    def numbered(self) -> list[StoredFrame]:
        """All frames that have a number, in the order of these where they were added so."""
        return [one for frame in self.frames.values() for one in (frame, *self.pieces.get(frame.sequence, ()))]

    @property
    def last_sequence(self) -> int:
        """The greatest number of its frames, 0 without any."""
        return max((*self.frames, *self.gaps), default=0)

    def holes(self) -> list[tuple[int, int]]:
        """The numbers between its first and last frame that stand for no frame that is here: first and last of each."""
        spans = sorted(
            [(number, number) for number in self.frames]
            + [(sequence - gap.frame_count + 1, sequence) for sequence, gap in self.gaps.items()]
        )
        holes, reached = [], None
        for low, high in spans:
            if reached is not None and low > reached + 1:
                holes.append((reached + 1, low - 1))
            reached = high if reached is None else max(reached, high)
        return holes

    def info(self) -> WriterInfo:
        """What there is to say of it."""
        rows = sum(frame.summary.row_count for frame in self.numbered())
        return WriterInfo(self.writer_id, self.created_ns, rows, self.last_sequence, self.is_ended)


def _distinct(frames: list[StoredFrame]) -> list[StoredFrame]:
    """Of frames of one number, those with rows that no greater one has; a damaged one only if there is no other."""
    by_content = list({frame.fingerprint: frame for frame in reversed(frames)}.values())
    if len(by_content) == 1:
        return frames[:1]
    kept: list[StoredFrame] = []
    seen: set[int] = set()
    for frame in sorted(by_content, key=lambda frame: -frame.summary.row_count):
        try:
            numbers = {number for chunk in frame.load() for number in chunk.row_numbers.tolist()}
        except FormatError:
            continue
        if not numbers <= seen:
            seen |= numbers
            kept.append(frame)
    return kept or frames[:1]
