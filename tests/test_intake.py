"""From the call to the queue: bounds, policies, refusals, and the books that always balance."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
import tracemalloc
import uuid
import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from doubles import HeldSink, balances, new_recording, until

import asyncrr as rr
from asyncrr.notices import notice_of_drops

KIB = 1024


def held(on_full: Any = "wait", max_queue_bytes: int = 64 * KIB, **more: Any) -> tuple[rr.RecordingStream, HeldSink]:
    recording = rr.new_recording(
        "intake", recording_id=uuid.uuid4(), on_full=on_full, max_queue_bytes=max_queue_bytes, **more
    )
    sink = HeldSink()
    recording.set_sinks(sink)
    return recording, sink


@pytest.fixture
def drops() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings of dropped rows."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", rr.RecordingWarning)
        yield caught


# ---- on_full


def test_wait_holds_an_awaited_call_until_there_is_room() -> None:
    async def main() -> None:
        recording, sink = held("wait")
        logged = 0

        async def produce() -> None:
            nonlocal logged
            for _ in range(200):
                await recording.log("x", np.zeros(KIB, np.float64))
                logged += 1

        producer = asyncio.create_task(produce())
        await until(lambda: sink.outbox is not None and recording._is_full)
        for _ in range(100):
            await asyncio.sleep(0)
        assert 0 < logged < 20
        assert balances(recording)
        sink.release()
        await producer
        assert logged == 200
        await recording.aclose()
        assert recording.stats().delivered == 200
        assert recording.stats().dropped == {}

    asyncio.run(main())


def test_wait_drops_what_is_not_awaited_beyond_twice_the_bound(drops: list[warnings.WarningMessage]) -> None:
    async def main() -> None:
        recording, sink = held("wait", 64 * KIB)
        await until(lambda: sink.outbox is not None)
        for _ in range(100):
            recording.log("x", np.zeros(KIB, np.float64))
        stats = recording.stats()
        assert stats.logged == 100
        assert balances(recording)
        assert 64 * KIB <= stats.queued_bytes <= 2 * 64 * KIB + 16 * KIB
        assert stats.dropped == {"queue_full": 100 - stats.queued}
        sink.release()
        await recording.aclose()
        assert recording.stats().delivered == stats.queued

    asyncio.run(main())
    assert ["queue_full" in str(drop.message) for drop in drops] == [True]


def test_wait_blocks_a_plain_thread_until_there_is_room() -> None:
    recording, sink = held("wait", 16 * KIB)
    progress: list[int] = []
    blocked = threading.Event()

    def produce() -> None:
        for number in range(50):
            recording.log("x", np.zeros(KIB, np.float64))
            progress.append(number)
        blocked.set()

    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    waiting = threading.Event()
    while not recording._room_waiters:
        waiting.wait(0.001)
    assert len(progress) < 50
    recording._home.call(sink.release)
    while not blocked.wait(0.01):
        recording._home.call(sink.release)
    producer.join()
    recording.close()
    assert recording.stats().delivered == 50


def test_drop_newest_refuses_what_does_not_fit_and_marks_the_gap(drops: list[warnings.WarningMessage]) -> None:
    async def main() -> None:
        recording, sink = held("drop_newest", 32 * KIB)
        await until(lambda: sink.outbox is not None)
        for number in range(20):
            await recording.log("x", np.full(KIB, number, np.float64))
        stats = recording.stats()
        assert balances(recording)
        assert stats.dropped == {"queue_full": 20 - stats.queued}
        assert 3 <= stats.queued <= 6
        sink.release()
        await recording.aclose()
        assert recording.stats().delivered == stats.queued
        assert sink.sequences == list(range(1, len(sink.sequences) + 1))

    asyncio.run(main())
    assert ["queue_full" in str(drop.message) for drop in drops] == [True]


def test_drop_oldest_keeps_the_latest(drops: list[warnings.WarningMessage]) -> None:
    async def main() -> None:
        recording = rr.new_recording(
            "intake", recording_id=uuid.uuid4(), on_full="drop_oldest", max_queue_bytes=32 * KIB
        )
        sink = HeldSink()
        await recording.set_sinks(sink)
        for number in range(20):
            await recording.log("x", np.full(KIB, number, np.float64))
        await until(lambda: recording.stats().queued <= 5)
        stats = recording.stats()
        assert balances(recording)
        assert stats.dropped == {"queue_full": 20 - stats.queued}
        sink.release()
        await recording.aclose()
        assert recording.stats().delivered == stats.queued

    asyncio.run(main())
    assert ["queue_full" in str(drop.message) for drop in drops] == [True]


def test_raise_tells_the_caller() -> None:
    async def main() -> None:
        recording, sink = held("raise", 32 * KIB)
        await until(lambda: sink.outbox is not None)
        with pytest.raises(rr.QueueFull, match="32768") as caught:
            for _ in range(20):
                await recording.log("x", np.zeros(KIB, np.float64))
        assert caught.value.queued_bytes >= caught.value.max_queue_bytes == 32 * KIB
        logged = recording.stats().logged
        sink.release()
        await recording.aclose()
        assert recording.stats().delivered == logged

    asyncio.run(main())


def test_what_was_dropped_is_marked_in_the_file(tmp_path: Any, drops: list[warnings.WarningMessage]) -> None:
    async def main() -> None:
        recording = rr.new_recording("intake", recording_id=uuid.uuid4(), max_queue_bytes=32 * KIB)
        for number in range(20):
            recording.log("x", np.full(KIB, number, np.float64))
        await until(lambda: recording.stats().queued <= 5)
        await recording.save(tmp_path / "x.arrd")
        await recording.aclose()
        stats = recording.stats()
        data = rr.read_recording(tmp_path / "x.arrd")
        gaps = data.gaps()
        assert sum(gap.row_count for gap in gaps) == stats.dropped["buffer_full"] == 20 - stats.delivered
        assert {gap.reason for gap in gaps} == {"buffer_full"}
        assert len(list(data.rows("x"))) == stats.delivered

    asyncio.run(main())
    assert ["buffer_full" in str(drop.message) for drop in drops] == [True]


def test_buffered_static_rows_are_kept(drops: list[warnings.WarningMessage]) -> None:
    async def main() -> None:
        recording = rr.new_recording("intake", recording_id=uuid.uuid4(), max_queue_bytes=32 * KIB)
        recording.log("fixed", rr.TextDocument("here"), static=True)
        for _ in range(20):
            recording.log("x", np.zeros(KIB, np.float64))
            await asyncio.sleep(0)
        await until(lambda: recording.stats().dropped)
        memory = recording.memory_recording()
        await recording.flush()
        data = rr.read_recording(memory.drain_as_bytes())
        assert [row.components["TextDocument:text"] for row in data.rows("fixed")] == [["here"]]

    asyncio.run(main())


@pytest.mark.parametrize("on_full", ["wait", "drop_oldest", "drop_newest"])
def test_memory_is_bounded_while_nobody_consumes(on_full: Any, drops: list[warnings.WarningMessage]) -> None:
    """2 MiB of bound and 400 MiB logged: what is allocated stays within the bound and 16 MiB."""

    async def main() -> int:
        recording, sink = held(on_full, 2 * 2**20)
        await until(lambda: sink.outbox is not None)
        picture = np.zeros(2**20, np.uint8)
        tracemalloc.start()
        try:
            for _ in range(400):
                recording.log("x", picture)
                await asyncio.sleep(0)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            sink.release()
            await recording.aclose()

    assert asyncio.run(main()) < 18 * 2**20


# ---- a turn for others, and the hot path


def test_a_tight_loop_of_awaited_calls_lets_others_run() -> None:
    async def main() -> None:
        recording = rr.new_recording("intake", recording_id=uuid.uuid4())
        recording.memory_recording()
        turns = 0
        is_over = False

        async def other() -> None:
            nonlocal turns
            while not is_over:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        for number in range(50_000):
            await recording.log("x", rr.Scalars(float(number)))
        is_over = True
        await task
        assert turns >= 45

    asyncio.run(main())


def test_every_way_to_log_keeps_order_and_count() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    memory = recording.memory_recording()
    bound = recording.entity("x", rr.Scalars)
    for number in range(3000):
        if number % 3 == 0:
            recording.log("x", rr.Scalars(float(number)))
        elif number % 3 == 1:
            bound(float(number))
        else:
            recording.log("/x/", float(number))
    assert recording.stats().logged == 3000
    data = rr.read_recording(memory.drain_as_bytes() if memory.num_msgs() else b"")
    assert data.column("x", "Scalars:scalars").values[:, 0].tolist() == list(range(3000))


def test_the_books_balance_while_threads_log() -> None:
    recording, sink = held("drop_newest", 64 * KIB)
    threads = [
        threading.Thread(target=lambda: [recording.log("x", 1.0) for _ in range(3000)], daemon=True) for _ in range(4)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rr.RecordingWarning)
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert balances(recording)
        assert recording.stats().logged == 12_000
        recording._home.call(sink.release)
        recording.close()
    stats = recording.stats()
    assert stats.delivered + sum(stats.dropped.values()) == 12_000


# ---- refusals


def line_of(function: Any, text: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if text in line)


def test_bad_data_warns_at_the_callers_line_and_leaves_a_text() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    memory = recording.memory_recording()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recording.log("bad", object())  # here
        with recording:
            rr.log("bad", object())  # or here
    lines = [warning.lineno for warning in caught]
    this = test_bad_data_warns_at_the_callers_line_and_leaves_a_text
    assert lines == [line_of(this, "# here"), line_of(this, "# or here")]
    assert {warning.filename for warning in caught} == {__file__}
    assert recording.stats().bad_data == 2
    data = rr.read_recording(memory.drain_as_bytes() if memory.num_msgs() else b"")
    assert data.entity_paths() == ["__warnings"]
    (text,) = next(iter(data.rows("__warnings"))).components["TextLog:text"]
    assert "'bad' was not logged" in text


@pytest.mark.parametrize("how", ["call", "recording", "environment"])
def test_strict_raises_bad_data(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "environment":
        monkeypatch.setenv("ASYNCRR_STRICT", "1")
    recording = rr.new_recording("intake", recording_id=uuid.uuid4(), strict=True if how == "recording" else None)
    with pytest.raises(rr.DataError, match="object"):
        recording.log("bad", object(), strict=True if how == "call" else None)
    assert recording.stats().logged == 0


def test_an_error_in_a_users_object_does_not_take_the_service_down() -> None:
    class Broken:
        def as_component_batches(self) -> Any:
            raise ZeroDivisionError("mine")

    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    with pytest.warns(rr.RecordingWarning, match="mine"):
        recording.log("x", Broken())
    with pytest.warns(rr.RecordingWarning, match="mine"):
        recording.entity("x", lambda value: 1 / 0 if value else Broken())(0)  # type: ignore[arg-type]


def test_wrong_use_always_raises() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    with pytest.raises(rr.UsageError):
        rr.set_time("t", sequence=1, duration=1.0)  # type: ignore[call-overload]
    with pytest.raises(rr.UsageError):
        rr.new_recording("")
    with pytest.raises(rr.UsageError, match="on_full"):
        rr.new_recording("x", on_full="explode")  # type: ignore[arg-type]
    with pytest.raises(rr.UsageError, match="max_queue_bytes"):
        rr.new_recording("x", max_queue_bytes=0)
    recording.close()
    with pytest.raises(rr.ClosedError, match="closed"):
        recording.log("x", 1.0, strict=True)


def test_a_closed_recording_counts_what_it_refuses() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    recording.memory_recording()
    recording.log("x", 1.0)
    recording.close()
    with pytest.warns(rr.RecordingWarning, match="closed"):
        recording.log("x", 2.0)
    recording.log("x", 3.0)
    stats = recording.stats()
    assert (stats.status, stats.logged, stats.delivered, stats.dropped) == ("closed", 3, 1, {"closed": 2})
    assert balances(recording)


def test_a_disabled_recording_takes_nothing() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4(), default_enabled=False)
    memory = recording.memory_recording()
    recording.log("x", 1.0)
    recording.log("x", object())
    recording.entity("x", rr.Scalars)(1.0)
    recording.send_columns("x", [], [])
    assert memory.num_msgs() == 0


def test_drops_of_one_kind_are_told_once_in_ten_seconds() -> None:
    with pytest.warns(rr.RecordingWarning, match=r"a: rows are dropped \(b\)") as caught:
        notice_of_drops("a", "b")
        notice_of_drops("a", "b")
    assert len(caught) == 1


# ---- snapshots


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.arange(24, dtype=np.float64).reshape(4, 6)[::2, ::-1],
        lambda: np.asfortranarray(np.arange(24, dtype=np.float32).reshape(4, 6)),
        lambda: np.arange(24, dtype=">f8").reshape(4, 6),
        lambda: np.arange(24, dtype=np.uint16).reshape(2, 3, 4).transpose(2, 0, 1),
    ],
)
def test_a_value_changed_after_the_call_stays_as_it_was(make: Any) -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    memory = recording.memory_recording()
    array = make()
    expected = array.astype(array.dtype.newbyteorder("<"))
    recording.log("x", rr.Tensor(array))
    array[...] = 0
    data = rr.read_recording(memory.drain_as_bytes() if memory.num_msgs() else b"")
    (tensor,) = next(iter(data.rows("x"))).components["Tensor:data"]
    assert np.array_equal(tensor.buffer, expected)


# ---- send_columns


def test_columns_come_back_as_they_were_sent() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    memory = recording.memory_recording()
    steps, values = np.arange(5000), np.linspace(0, 1, 5000)
    times = [rr.TimeColumn("step", sequence=steps), rr.TimeColumn("t", duration=steps * 0.5)]
    recording.send_columns("x", times, rr.Scalars.columns(scalars=values))
    steps_before, values_before = steps.copy(), values.copy()
    steps += 1
    values[:] = 7
    data = rr.read_recording(memory.drain_as_bytes() if memory.num_msgs() else b"")
    column = data.column("x", "Scalars:scalars", timeline="step")
    assert column.times.tolist() == steps_before.tolist()
    assert np.array_equal(column.values[:, 0], values_before)
    assert data.timelines() == {"step": "sequence", "t": "duration"}
    assert recording.stats().logged == 5000


def test_large_columns_are_sent_in_several_chunks_and_keep_their_order() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    memory = recording.memory_recording()
    count = 2**20 + 10
    recording.send_columns(
        "x", [rr.TimeColumn("i", sequence=np.arange(count))], rr.Scalars.columns(scalars=np.arange(count))
    )
    assert memory.num_msgs() > 1
    column = rr.read_recording(memory.drain_as_bytes()).column("x", "Scalars:scalars", timeline="i")
    assert np.array_equal(column.values[:, 0], np.arange(count))


def test_columns_of_unequal_length_are_bad_data() -> None:
    recording = rr.new_recording("intake", recording_id=uuid.uuid4())
    with pytest.raises(rr.DataError, match="3"):
        recording.send_columns(
            "x", [rr.TimeColumn("i", sequence=[1, 2, 3])], rr.Scalars.columns(scalars=[1.0, 2.0]), strict=True
        )
    with pytest.raises(rr.DataError, match="no columns"):
        recording.send_columns("x", [], [], strict=True)
    with pytest.warns(rr.RecordingWarning):
        recording.send_columns("x", [], [])
    recording.send_columns("x", [rr.TimeColumn("i", sequence=[])], rr.Scalars.columns(scalars=[]))
    assert recording.stats().bad_data == 1


def test_two_threads_that_let_in_at_once_let_each_in_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop, which has room again, and a thread that closes the recording meanwhile."""

    class Overtaken(deque[Any]):
        """Where the other thread is quicker, between any look and the grasp."""

        def __bool__(self) -> bool:
            is_filled = len(self) > 0
            self.let_others_in()
            return is_filled

        def popleft(self) -> Any:
            first = super().popleft()
            self.let_others_in()
            return first

        def let_others_in(self) -> None:
            while len(self):
                super().popleft().set_result(None)

    recording = new_recording()
    waiters: list[concurrent.futures.Future[None]] = [concurrent.futures.Future() for _ in range(3)]
    monkeypatch.setattr(recording, "_room_waiters", Overtaken(waiters))
    recording._let_in()
    assert all(waiter.done() for waiter in waiters)
