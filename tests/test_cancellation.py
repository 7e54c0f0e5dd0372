"""Tasks are cancelled anywhere; nothing is lost, written twice or left hanging."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest

import asyncrr as rr
from asyncrr.sinks.targets import File

SECONDS = 0.002
"""What each system call of the slow target takes."""


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening, writing and closing take a while, so that cancellation falls into the midst of them."""
    for name in ("open", "write", "close"):
        act = getattr(File, name)

        def slow(self: File, *arguments: Any, act: Callable[..., Any] = act) -> Any:
            time.sleep(SECONDS)
            try:
                return act(self, *arguments)
            finally:
                time.sleep(SECONDS)

        monkeypatch.setattr(File, name, slow)


def check_file(path: Path, steps: list[int]) -> None:
    """These rows are there, each once, in order, and nothing is damaged."""
    data = rr.read_recording(path)
    assert data.damage == []
    assert data.gaps() == []
    assert data.is_complete
    assert [row.times["step"] for row in data.rows("loss", timeline="step")] == steps


def check_sums(recording: rr.RecordingStream) -> None:
    """Every row that was logged is waiting, delivered or dropped."""
    stats = recording.stats()
    assert stats.logged == stats.queued + stats.in_flight + stats.delivered + sum(stats.dropped.values())
    for sink in stats.sinks:
        assert stats.logged == sink.queued + sink.in_flight + sink.delivered + sum(sink.dropped.values())


async def wait_for_rows(recording: rr.RecordingStream, count: int) -> None:
    """Wait for so many to be delivered without anybody asking for it."""
    for _ in range(200):
        if recording.stats().delivered >= count:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(repr(recording))


class CancelAt:
    """Runs a coroutine and cancels its task, as it stands, when it awaits for the `nth` time."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], nth: int) -> None:
        self.awaits = 0
        self._coroutine = coroutine
        self._nth = nth

    def __await__(self) -> Generator[Any, Any, None]:
        task = asyncio.current_task()
        assert task is not None
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                step = self._coroutine.send(value) if error is None else self._coroutine.throw(error)
            except StopIteration:
                return
            if self.awaits == self._nth:
                asyncio.get_running_loop().call_soon(task.cancel)
            self.awaits += 1
            value, error = None, None
            try:
                value = yield step
            except BaseException as caught:
                error = caught


async def run_cancelled(coroutine: Coroutine[Any, Any, None], nth: int) -> bool:
    """Whether it was cancelled, rather than done before; cancelled means that it ended so."""
    at = CancelAt(coroutine, nth)

    async def run() -> None:
        await at

    task = asyncio.create_task(run())
    await asyncio.wait([task], timeout=5)
    assert task.done()
    if task.cancelled():
        return True
    task.result()
    assert at.awaits <= nth, "the cancellation was swallowed"
    return False


Life = Callable[[rr.RecordingStream, Path, list[int]], Coroutine[Any, Any, None]]


def log_step(recording: rr.RecordingStream, steps: list[int]) -> Awaitable[None]:
    """Log the next step, and note that it was logged."""
    step = len(steps)
    logged = recording.log("loss", rr.Scalars(float(step)), time={"step": step})
    steps.append(step)
    return logged


async def life_in_a_block(recording: rr.RecordingStream, path: Path, steps: list[int]) -> None:
    async with recording:
        await recording.save(path)
        for _ in range(3):
            await log_step(recording, steps)
        await recording.flush()
        await log_step(recording, steps)
        await recording.flush()


async def life_by_hand(recording: rr.RecordingStream, path: Path, steps: list[int]) -> None:
    await recording.start()
    await log_step(recording, steps)
    await recording.save(path)
    for _ in range(3):
        await log_step(recording, steps)
        await recording.flush()
    await recording.disconnect()
    await recording.save(path)
    await log_step(recording, steps)
    await recording.aclose()


@pytest.mark.parametrize("life", [life_in_a_block, life_by_hand])
@pytest.mark.parametrize("rows_per_batch", [1, 1000])
@pytest.mark.usefixtures("slow_disk")
def test_cancelled_at_every_await(tmp_path: Path, life: Life, rows_per_batch: int) -> None:
    """The user's task is cancelled at its first await, its second, and so on through its life."""

    async def main(nth: int) -> bool:
        path = tmp_path / f"{nth}.arrd"
        batching = rr.BatchingConfig(flush_num_rows=rows_per_batch)
        recording = rr.new_recording("tests", recording_id=f"run {nth}", batching=batching)
        steps: list[int] = []
        is_cancelled = await run_cancelled(life(recording, path, steps), nth)
        check_sums(recording)
        await recording.aclose()
        check_sums(recording)
        assert recording.stats().logged == len(steps)
        assert recording.stats().delivered == len(steps) or recording.stats().sinks[0].name == "buffer"
        if path.exists():
            check_file(path, steps)
        else:
            assert is_cancelled  # before there was a file
        return is_cancelled

    nth = 0
    while asyncio.run(main(nth)):
        nth += 1
        assert nth < 100
    assert nth >= 5


@pytest.mark.usefixtures("slow_disk")
def test_cancelled_at_any_time(tmp_path: Path) -> None:
    """As above, by the clock: in the midst of a write, of opening, of closing."""

    async def main(number: int) -> None:
        path = tmp_path / f"{number}.arrd"
        recording = rr.new_recording("tests", recording_id=f"run {number}")
        steps: list[int] = []
        task = asyncio.create_task(life_in_a_block(recording, path, steps))
        await asyncio.sleep(number * 0.0015)
        task.cancel()
        await asyncio.wait([task])
        await recording.aclose()
        check_sums(recording)
        if path.exists():
            check_file(path, steps)

    async def all_at_once() -> None:
        await asyncio.gather(*[main(number) for number in range(40)])

    asyncio.run(all_at_once())


def task_of(recording: rr.RecordingStream) -> asyncio.Task[Any]:
    """The recording's own task."""
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == f"asyncrr {recording.recording_id}"]
    return task


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("is_waited_for", [True, False])
@pytest.mark.usefixtures("slow_disk")
def test_the_recordings_own_task_is_cancelled(tmp_path: Path, turns: int, is_waited_for: bool) -> None:
    """Whoever cancels all tasks finds ours too: it starts again at the next use."""

    async def main() -> None:
        path = tmp_path / "run.arrd"
        recording = rr.new_recording("tests")
        recording.save(path)
        steps: list[int] = []
        for _ in range(20):
            await log_step(recording, steps)
            if len(steps) % 2:
                recording.flush()
            for _ in range(turns):
                await asyncio.sleep(0)
            task = task_of(recording)
            task.cancel()
            if is_waited_for:
                await asyncio.wait([task])
                assert task.cancelled()
            else:
                log_step(recording, steps)
                await asyncio.sleep(0)
                await recording.flush()
            log_step(recording, steps)
        await recording.aclose()
        check_sums(recording)
        check_file(path, steps)

    asyncio.run(main())


def test_rows_logged_after_the_task_was_cancelled_are_written_by_themselves(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests", batching=rr.BatchingConfig(flush_tick=0.01))
        await recording.save(tmp_path / "run.arrd")
        steps: list[int] = []
        log_step(recording, steps)
        task = task_of(recording)
        task.cancel()
        await asyncio.wait([task])
        log_step(recording, steps)
        await wait_for_rows(recording, 2)
        await recording.aclose()
        check_file(tmp_path / "run.arrd", steps)

    asyncio.run(main())


@pytest.mark.usefixtures("slow_disk")
def test_one_recording_through_three_loops(tmp_path: Path) -> None:
    recording = rr.new_recording("tests")
    path = tmp_path / "run.arrd"
    steps: list[int] = []

    async def first() -> None:
        await recording.save(path)
        for _ in range(10):
            await log_step(recording, steps)

    async def second() -> None:
        for _ in range(10):
            await log_step(recording, steps)
        await recording.flush()
        for _ in range(10):
            log_step(recording, steps)

    async def third() -> None:
        for _ in range(10):
            await log_step(recording, steps)
        await recording.aclose()

    for run in (first, second, third):
        asyncio.run(run())
        check_sums(recording)
    assert recording.stats().delivered == len(steps)
    check_file(path, steps)


def test_ticks_go_on_in_the_second_loop(tmp_path: Path) -> None:
    recording = rr.new_recording("tests", batching=rr.BatchingConfig(flush_tick=0.02))
    steps: list[int] = []

    async def first() -> None:
        await recording.save(tmp_path / "run.arrd")
        log_step(recording, steps)

    async def second() -> None:
        log_step(recording, steps)
        await wait_for_rows(recording, 2)
        await recording.aclose()

    asyncio.run(first())
    asyncio.run(second())
    check_file(tmp_path / "run.arrd", steps)


def test_from_a_loop_to_a_program_without_one(tmp_path: Path) -> None:
    recording = rr.new_recording("tests")
    steps: list[int] = []

    async def main() -> None:
        await recording.save(tmp_path / "run.arrd")
        log_step(recording, steps)

    asyncio.run(main())
    log_step(recording, steps)
    recording.flush()
    log_step(recording, steps)
    recording.close()
    check_file(tmp_path / "run.arrd", steps)


def test_opened_in_one_task_and_closed_in_another(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests")
        steps: list[int] = []

        async def open_it() -> None:
            await recording.__aenter__()
            await recording.save(tmp_path / "run.arrd")
            log_step(recording, steps)

        async def close_it() -> None:
            log_step(recording, steps)
            await recording.aclose()

        await asyncio.create_task(open_it())
        await asyncio.create_task(close_it())
        assert recording.is_closed
        check_file(tmp_path / "run.arrd", steps)

    asyncio.run(main())


def test_a_stack_closed_by_another_task(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests")
        steps: list[int] = []
        stack = contextlib.AsyncExitStack()

        async def open_it() -> None:
            await stack.enter_async_context(recording)
            await recording.save(tmp_path / "run.arrd")
            log_step(recording, steps)

        await asyncio.create_task(open_it())
        await asyncio.create_task(stack.aclose())
        await recording.aclose()
        check_file(tmp_path / "run.arrd", steps)

    asyncio.run(main())


class UsersError(Exception):
    """What the user's code raises."""


def test_the_users_exception_comes_out_as_itself(tmp_path: Path) -> None:
    """No task group stands between the block and its user."""

    async def main() -> None:
        async with rr.new_recording("tests") as recording:
            await recording.save(tmp_path / "run.arrd")
            recording.log("loss", rr.Scalars(0.0), time={"step": 0})
            raise UsersError

    with pytest.raises(UsersError):
        asyncio.run(main())
    check_file(tmp_path / "run.arrd", [0])


def test_inside_a_task_group_only_the_users_exception_comes_out(tmp_path: Path) -> None:
    steps: list[int] = []

    async def main() -> None:
        async with rr.new_recording("tests") as recording, asyncio.TaskGroup() as group:
            await recording.save(tmp_path / "run.arrd")

            async def work() -> None:
                while True:
                    await log_step(recording, steps)
                    await asyncio.sleep(0)

            async def fail() -> None:
                await asyncio.sleep(0.01)
                raise UsersError

            group.create_task(work())
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(main())
    assert [type(error) for error in raised.value.exceptions] == [UsersError]
    check_file(tmp_path / "run.arrd", steps)


@pytest.mark.usefixtures("slow_disk")
def test_everybody_who_closes_waits_for_the_same_end(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests")
        await recording.save(tmp_path / "run.arrd")
        steps: list[int] = []
        for _ in range(10):
            log_step(recording, steps)

        async def close() -> None:
            await recording.aclose()

        closers = [asyncio.create_task(close()) for _ in range(5)]
        await asyncio.sleep(0)
        closers[0].cancel()
        await asyncio.wait(closers)
        assert [closer.cancelled() for closer in closers] == [True, False, False, False, False]
        check_file(tmp_path / "run.arrd", steps)

    asyncio.run(main())


@pytest.mark.usefixtures("slow_disk")
def test_a_timeout_around_a_flush_is_a_timeout(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests")
        await recording.save(tmp_path / "run.arrd")
        steps: list[int] = []
        log_step(recording, steps)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SECONDS / 2):
                await recording.flush()
        await recording.flush()
        assert recording.stats().delivered == 1
        await recording.aclose()
        check_file(tmp_path / "run.arrd", steps)

    asyncio.run(main())
