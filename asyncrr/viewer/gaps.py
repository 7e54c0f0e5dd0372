"""Gaps: when, on a timeline, rows are missing, by the rows that are there before and after them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from asyncrr.viewer.growing import GrowingRecording, StoredFrame

__all__ = ["gap_spans"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_MOST = 500


def gap_spans(recording: GrowingRecording, timeline: str) -> list[dict[str, Any]]:
    """Where gaps lie on a timeline, the latest ones.

    What was lost has no time any more: it lies between the last row before and the first row after it that the same
    writer has on the timeline.

    Args:
        recording: Of which.
        timeline: Its name.

    Returns:
        For each gap ``from`` and ``to`` as decimal int64, ``rows`` and ``reason``.
    """
    known = recording.timelines.get(timeline)
    gaps = recording.gaps[-_MOST:]
    if known is None or not gaps:
        return []
    _, least, most = known
    by_writer: dict[str, list[StoredFrame]] = {writer_id: [] for writer_id, _ in gaps}
    for stored in recording.frames:
        if timeline in stored.summary.timelines and stored.writer.header.writer_id in by_writer:
            by_writer[stored.writer.header.writer_id].append(stored)
    bounds = {writer_id: _Bounds(frames, timeline) for writer_id, frames in by_writer.items()}
    found = []
    for writer_id, gap in gaps:
        low, high = bounds[writer_id].around(gap.first_row, gap.last_row, least, most)
        found.append(
            {"from": str(min(low, high)), "to": str(max(low, high)), "rows": gap.row_count, "reason": gap.reason}
        )
    return found


class _Bounds:
    """Row numbers and times of a writer's chunks."""

    def __init__(self, frames: list[StoredFrame], timeline: str) -> None:
        summaries = [each.summary for each in frames]
        self._firsts: Array = np.array([each.first_row for each in summaries], np.uint64)
        self._lasts: Array = np.array([each.last_row for each in summaries], np.uint64)
        self._lows: Array = np.array([each.timelines[timeline][1] for each in summaries], np.int64)
        self._highs: Array = np.array([each.timelines[timeline][2] for each in summaries], np.int64)

    def around(self, first_row: int, last_row: int, least: int, most: int) -> tuple[int, int]:
        """The greatest time of the chunks before some rows, and the least of those after them."""
        before = self._highs[self._lasts < np.uint64(first_row)]
        after = self._lows[self._firsts > np.uint64(last_row)]
        return int(before.max()) if len(before) else least, int(after.min()) if len(after) else most
