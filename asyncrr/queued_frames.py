"""Frames that wait for a sink, and the gap marks that take the place of those that cannot wait."""

from __future__ import annotations

from typing import NamedTuple

from asyncrr.wire import Frame, Gap, encode_gap

__all__ = ["QueuedFrame", "gap_for", "gap_mark", "merged"]


class QueuedFrame(NamedTuple):
    """A frame and what must be known to drop it.

    Attributes:
        frame: The bytes.
        first_row: The lowest number of its rows.
        last_row: The highest.
        static_key: Of static rows, which are kept when others are dropped: later ones with an equal key take their
            place. ``None`` for others.
        first_sequence: Of the frames that it stands for: its own number, or the first of a merged gap.
        reason: Of a gap mark: why rows are missing.
        missing_rows: Of a gap mark: how many.
    """

    frame: Frame
    first_row: int
    last_row: int
    static_key: object
    first_sequence: int
    reason: str | None = None
    missing_rows: int = 0


def gap_for(dropped: QueuedFrame, reason: str) -> QueuedFrame:
    """The mark that tells of a dropped frame."""
    rows, sequence = dropped.frame.row_count, dropped.frame.sequence
    count = sequence - dropped.first_sequence + 1
    return gap_mark(Gap(dropped.first_row, dropped.last_row, rows, reason, frame_count=count), sequence)


def merged(before: QueuedFrame, dropped: QueuedFrame, reason: str) -> QueuedFrame:
    """One mark for a mark and what was dropped, or is marked as missing, right after it."""
    first, last = min(before.first_row, dropped.first_row), max(before.last_row, dropped.last_row)
    rows, sequence = before.missing_rows + (dropped.missing_rows or dropped.frame.row_count), dropped.frame.sequence
    count = sequence - before.first_sequence + 1
    return gap_mark(Gap(first, last, rows, reason, frame_count=count), sequence)


def gap_mark(gap: Gap, sequence: int) -> QueuedFrame:
    """The mark itself, as the frame of that number."""
    first_sequence = sequence - gap.frame_count + 1
    frame = encode_gap(gap, sequence)
    return QueuedFrame(frame, gap.first_row, gap.last_row, None, first_sequence, gap.reason, gap.row_count)
