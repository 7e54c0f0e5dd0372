"""What a recording has counted, at one moment."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from asyncrr.outbox import SinkStats
from asyncrr.queues import QueueCounts

__all__ = ["RecordingStats", "recording_stats"]


class RecordingStats(NamedTuple):
    """An immutable snapshot. At every moment, for the recording and for each of its sinks::

        logged == queued + in_flight + delivered + sum(dropped.values())

    and the same of bytes. The recording's own figures are those of the sink that is furthest behind.

    Attributes:
        status: ``buffering``, ``open``, ``connecting``, ``connected``, ``reconnecting``, ``closed`` or ``failed``.
        logged: Rows that were logged.
        queued: Rows that wait.
        in_flight: Rows that a sink has taken and not yet delivered.
        delivered: Rows handed over: written, fsynced or acknowledged, by the sink's own measure.
        dropped: Rows lost, for each reason.
        logged_bytes: As `logged`, in bytes; and so on. Rows that are not yet encoded count by an estimate.
        bad_data: Rows whose value could not be stored; they were never logged.
        sinks: For each sink its own figures.
    """

    status: str
    logged: int
    queued: int
    in_flight: int
    delivered: int
    dropped: dict[str, int]
    logged_bytes: int
    queued_bytes: int
    in_flight_bytes: int
    delivered_bytes: int
    dropped_bytes: dict[str, int]
    bad_data: int
    sinks: tuple[SinkStats, ...]


def recording_stats(status: str, queue: QueueCounts, sinks: list[SinkStats], bad_data: int) -> RecordingStats:
    """Add what the queue holds to what each outbox holds."""
    each = [
        SinkStats(
            sink.name,
            sink.status,
            queue.waiting + sink.queued,
            sink.in_flight,
            sink.delivered,
            _sum(queue.refused, sink.dropped),
            queue.waiting_bytes + sink.queued_bytes,
            sink.in_flight_bytes,
            sink.delivered_bytes,
            _sum(queue.refused_bytes, sink.dropped_bytes),
        )
        for sink in sinks
    ]
    behind = min(each, key=lambda sink: sink.delivered)
    return RecordingStats(
        status,
        queue.logged,
        behind.queued,
        behind.in_flight,
        behind.delivered,
        behind.dropped,
        queue.logged_bytes,
        behind.queued_bytes,
        behind.in_flight_bytes,
        behind.delivered_bytes,
        behind.dropped_bytes,
        bad_data,
        tuple(each),
    )


def _sum(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return dict(Counter(first) + Counter(second))
