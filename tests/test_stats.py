"""A recording's figures: what the queue holds, and what each outbox holds."""

from __future__ import annotations

import pytest

from asyncrr.outbox import SinkStats
from asyncrr.queues import QueueCounts
from asyncrr.stats import recording_stats

QUEUE = QueueCounts(
    logged=20, waiting=3, refused={"closed": 2}, logged_bytes=2000, waiting_bytes=300, refused_bytes={"closed": 200}
)


def sink(name: str, queued: int, in_flight: int, delivered: int, dropped: dict[str, int]) -> SinkStats:
    sizes = {reason: rows * 100 for reason, rows in dropped.items()}
    return SinkStats(
        name, "open", queued, in_flight, delivered, dropped, queued * 100, in_flight * 100, delivered * 100, sizes
    )


def test_a_sinks_figures_are_its_own_and_those_of_the_queue() -> None:
    stats = recording_stats("open", QUEUE, [sink("a", 4, 1, 10, {})], 7)
    assert (stats.status, stats.logged, stats.bad_data) == ("open", 20, 7)
    assert (stats.queued, stats.in_flight, stats.delivered, stats.dropped) == (7, 1, 10, {"closed": 2})
    assert (stats.logged_bytes, stats.queued_bytes, stats.in_flight_bytes) == (2000, 700, 100)
    assert (stats.delivered_bytes, stats.dropped_bytes) == (1000, {"closed": 200})
    assert stats.sinks == (SinkStats("a", "open", 7, 1, 10, {"closed": 2}, 700, 100, 1000, {"closed": 200}),)


def test_drops_of_one_reason_are_added_up() -> None:
    stats = recording_stats("open", QUEUE, [sink("a", 0, 0, 12, {"closed": 1, "sink_failed": 2})], 0)
    assert stats.dropped == {"closed": 3, "sink_failed": 2}
    assert stats.dropped_bytes == {"closed": 300, "sink_failed": 200}


def test_the_recordings_figures_are_those_of_the_sink_that_is_furthest_behind() -> None:
    fast, slow = sink("fast", 0, 0, 15, {}), sink("slow", 5, 4, 6, {})
    for sinks in ([fast, slow], [slow, fast]):
        stats = recording_stats("open", QUEUE, sinks, 0)
        assert (stats.queued, stats.in_flight, stats.delivered) == (8, 4, 6)
        assert [one.name for one in stats.sinks] == [one.name for one in sinks]


def test_the_books_balance_for_each_sink() -> None:
    sinks = [sink("a", 15, 0, 0, {}), sink("b", 0, 5, 5, {"queue_full": 5}), sink("c", 1, 2, 3, {"queue_full": 9})]
    stats = recording_stats("open", QUEUE, sinks, 0)
    for one in (stats, *stats.sinks):
        assert one.queued + one.in_flight + one.delivered + sum(one.dropped.values()) == stats.logged
        sizes = one.queued_bytes + one.in_flight_bytes + one.delivered_bytes + sum(one.dropped_bytes.values())
        assert sizes == stats.logged_bytes


def test_a_snapshot_cannot_be_changed() -> None:
    stats = recording_stats("open", QUEUE, [sink("a", 4, 1, 10, {})], 0)
    with pytest.raises(AttributeError):
        stats.logged = 0  # type: ignore[misc]
