"""The queue of a recording: order, bounds and accounting."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

from asyncrr import queues
from asyncrr.batching import ROW_BYTES
from asyncrr.chunks import Bundle, Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import DataError, RecordingWarning
from asyncrr.queues import RowQueue
from asyncrr.rows import CALL_SHIFT, OpenRows, scalar_columns, text_columns
from asyncrr.timelines import EMPTY_TIME_POINT

SCALAR = ComponentDescriptor("x", "float64")


def log(queue: RowQueue, path: str, value: float = 0.0, is_static: bool = False) -> OpenRows:
    rows = queue.open_rows(path, is_static, scalar_columns)
    rows.extend((queue.next_call(), 5, EMPTY_TIME_POINT, value))
    return rows


def chunk_of(rows: int, is_static: bool = False) -> Chunk:
    return Chunk("c", np.arange(rows, dtype=np.uint64), {}, {"x": Column(SCALAR, 1, np.zeros(rows))}, is_static)


def chunks_in(queue: RowQueue) -> list[Chunk]:
    return [item for item in queue.items if isinstance(item, Chunk)]


def test_rows_of_an_entity_become_one_chunk() -> None:
    queue = RowQueue()
    for value in (1.0, 2.0, 3.0):
        log(queue, "a", value)
    assert not queue.is_idle
    queue.seal()
    (chunk,) = chunks_in(queue)
    assert chunk.entity_path == "a"
    assert chunk.columns["Scalars:scalars"].values.tolist() == [1, 2, 3]
    assert (chunk.row_numbers >> np.uint64(CALL_SHIFT)).tolist() == [0, 1, 2]


def test_entities_with_few_rows_share_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "_BUNDLED_ROWS", 3)
    queue = RowQueue()
    log(queue, "s", is_static=True)
    for path in ("a", "b", "many", "b", "many", "many", "c"):
        log(queue, path)
    text = queue.open_rows("a", False, text_columns)
    text.extend((queue.next_call(), 5, EMPTY_TIME_POINT, ("line", None, None)))
    queue.seal()
    static, many, bundle, line = chunks_in(queue)
    assert (static.entity_path, many.entity_path, line.entity_path) == ("s", "many", "a")
    assert isinstance(bundle, Bundle)
    assert bundle.runs == (("a", 1), ("b", 2), ("c", 1))
    assert bundle.entity_path == "a and 2 more"
    assert (bundle.row_numbers >> np.uint64(CALL_SHIFT)).tolist() == [1, 2, 4, 7]
    assert queue.counts().waiting == 9


def test_a_shared_chunk_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "CHUNK_ROWS", 4)
    monkeypatch.setattr(queues, "_BUNDLED_PATHS", 10)
    queue = RowQueue()
    for path in ("a", "b", "b", "a", "c", "d", "long path", "e"):
        log(queue, path)
    queue.seal()
    assert [[chunk.entity_path for chunk in item.split()] for item in chunks_in(queue)] == [
        ["a", "b"],
        ["c", "d"],
        ["long path", "e"],
    ]


def test_an_entity_that_makes_no_columns_takes_no_other_along() -> None:
    queue = RowQueue()
    log(queue, "a")
    log(queue, "bad", "no number")  # type: ignore[arg-type]
    log(queue, "b")
    with pytest.warns(RecordingWarning, match="bad"):
        queue.seal()
    assert [chunk.entity_path for chunk in chunks_in(queue)] == ["a", "b"]
    assert queue.counts()[1:3] == (2, {"not_storable": 1})


def test_only_the_rows_asked_for_are_sealed() -> None:
    queue = RowQueue()
    rows = log(queue, "a")
    log(queue, "b")
    queue.seal(rows)
    assert [chunk.entity_path for chunk in chunks_in(queue)] == ["a"]
    assert queue.counts().waiting == 2


def test_a_command_stands_behind_every_row_logged_before() -> None:
    queue = RowQueue()
    log(queue, "a")
    command: Callable[[], None] = list
    queue.command(command)
    log(queue, "a")
    queue.seal()
    assert [item is command for item in queue.items] == [False, True, False]


def test_a_chunk_that_is_put_stands_behind_every_row_logged_before() -> None:
    queue = RowQueue()
    log(queue, "a")
    queue.put(chunk_of(4))
    assert [chunk.entity_path for chunk in chunks_in(queue)] == ["a", "c"]
    assert queue.counts().logged == 5


def test_every_row_is_waiting_passed_on_or_refused() -> None:
    queue = RowQueue()
    log(queue, "a")
    queue.seal()
    log(queue, "b")
    assert (queue.counts().logged, queue.counts().waiting) == (2, 2)
    queue.passed(chunks_in(queue)[0], 100)
    assert (queue.counts().logged, queue.counts().waiting) == (2, 1)
    queue.refuse("queue_full", 7, 7, 1, ROW_BYTES)
    counts = queue.counts()
    assert (counts.logged, counts.waiting, counts.refused) == (3, 1, {"queue_full": 1})
    assert counts.logged_bytes == counts.waiting_bytes + 100 + ROW_BYTES


def test_what_is_open_counts_from_the_last_seal() -> None:
    queue = RowQueue()
    for _ in range(3):
        log(queue, "a")
    assert queue.open_units(2) == 2
    queue.extra_bytes = 10 * ROW_BYTES
    assert queue.open_units(2) == 12
    queue.seal()
    assert queue.open_units(4) == 1


def test_the_oldest_chunks_are_dropped_but_never_static_rows_or_commands() -> None:
    queue = RowQueue()
    command: Callable[[], None] = list
    queue.put(chunk_of(3, is_static=True))
    queue.command(command)
    queue.put(chunk_of(5))
    queue.put(chunk_of(2))
    one = chunk_of(2).nbytes + chunk_of(3).nbytes
    assert queue.drop_oldest(one, "queue_full") == 5
    assert [len(item) if isinstance(item, Chunk) else item for item in queue.items] == [3, command, 2]
    assert queue.drop_oldest(one, "queue_full") == 0
    (gap,) = queue.take_gaps()
    assert (gap.first_row, gap.last_row, gap.row_count, gap.reason) == (0, 4, 5, "queue_full")
    assert queue.take_gaps() == []


def test_gaps_of_one_reason_are_told_together() -> None:
    queue = RowQueue()
    queue.refuse("queue_full", 10, 12, 3, 0)
    queue.refuse("queue_full", 2, 2, 1, 0)
    queue.refuse("closed", 20, 20, 1, 0)
    gaps = {gap.reason: gap for gap in queue.take_gaps()}
    assert (gaps["queue_full"].first_row, gaps["queue_full"].last_row, gaps["queue_full"].row_count) == (2, 12, 4)
    assert gaps["closed"].row_count == 1


def test_rows_that_make_no_columns_are_counted_as_dropped() -> None:
    def refusing(values: list[object]) -> list[tuple[None, dict[str, Column]]]:
        raise DataError("no")

    queue = RowQueue()
    queue.open_rows("a", False, refusing).extend((queue.next_call(), 5, EMPTY_TIME_POINT, 1.0))
    log(queue, "b")
    with pytest.warns(RecordingWarning, match="a: rows are dropped"):
        queue.seal()
    counts = queue.counts()
    assert (counts.logged, counts.waiting, counts.refused) == (2, 1, {"not_storable": 1})


def test_the_first_chunk_can_be_dropped_by_name() -> None:
    queue = RowQueue()
    queue.put(chunk_of(2))
    queue.drop_first(chunks_in(queue)[0], "not_storable")
    queue.drop_first(chunk_of(2), "not_storable")  # another one: dropped meanwhile
    assert queue.counts().refused == {"not_storable": 2}
    assert not queue.is_idle  # the gap is yet to be told
    assert [gap.row_count for gap in queue.take_gaps()] == [2]
    assert queue.is_idle


def test_a_forked_child_forgets_everything() -> None:
    queue = RowQueue()
    log(queue, "a")
    queue.put(chunk_of(2))
    queue.refuse("closed", 1, 1, 1, 1)
    queue.forget()
    assert queue.counts().logged == 0
    assert queue.is_idle
    assert queue.take_gaps() == []


def test_threads_lose_no_row_while_another_seals() -> None:
    queue = RowQueue()
    start = threading.Barrier(5)

    def produce(name: str) -> None:
        start.wait()
        for value in range(2000):
            log(queue, name, float(value))

    threads = [threading.Thread(target=produce, args=(name,), daemon=True) for name in ("a", "a", "b", "b")]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        queue.seal()
        assert queue.counts().waiting <= 8000
    queue.seal()
    assert queue.counts().logged == 8000
    numbers = np.concatenate([chunk.row_numbers for chunk in chunks_in(queue)])
    assert len(np.unique(numbers)) == 8000
    for chunk in chunks_in(queue):
        for part in chunk.split():  # entities with few rows share a chunk
            assert np.all(np.diff(part.row_numbers.astype(np.int64)) > 0)


def interrupted(act: Callable[[], object], at: int) -> bool:
    """Do it with an interrupt at the `at`-th place where Python looks for one; tells whether there was such a place.

    Python does that where a Python function begins and after a call of any other.
    """
    places = 0

    def look(frame: object, event: str, _: object) -> None:
        nonlocal places
        if event in ("call", "c_return"):
            places += 1
            if places == at + 2:  # the first is the return of `setprofile`
                raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def refusing_odd(values: list[float]) -> list[tuple[None, dict[str, Column]]]:
    """Makes columns for some rows only."""
    if values[0] % 2:
        raise DataError("odd")
    return [(None, {"x": Column(SCALAR, 1, np.array(values))})]


@pytest.mark.filterwarnings("ignore::asyncrr.errors.RecordingWarning")
@pytest.mark.parametrize("value", [0.0, 1.0], ids=["storable", "not storable"])
@pytest.mark.parametrize("is_put", [False, True], ids=["sealed", "put"])
def test_an_interrupt_on_the_way_loses_no_row_and_counts_none_twice(value: float, is_put: bool) -> None:
    """Wherever it comes: a row is open, in one chunk, or refused."""
    at = 0
    while True:
        queue = RowQueue()
        for path in ("a", "b"):
            rows = queue.open_rows(path, False, refusing_odd)
            for _ in range(3):
                rows.extend((queue.next_call(), 5, EMPTY_TIME_POINT, value))
        chunk = chunk_of(4)
        was_interrupted = interrupted(lambda: queue.put(chunk) if is_put else queue.seal(), at)  # noqa: B023
        is_there = is_put and any(item is chunk for item in queue.items)
        expected = 6 + 4 * is_there
        assert queue.counts().logged == expected, f"interrupted at {at}"
        queue.seal()
        counts = queue.counts()
        stored = sum(len(one) for one in chunks_in(queue))
        assert (counts.logged, counts.waiting) == (expected, stored), f"interrupted at {at}"
        assert stored == (6 if value == 0.0 else 0) + 4 * is_there
        assert counts.waiting_bytes == sum(one.nbytes for one in chunks_in(queue))
        assert sum(counts.refused.values()) == sum(gap.row_count for gap in queue.take_gaps()) == expected - stored
        if not was_interrupted:
            break
        at += 1
    assert at > 20
