"""Where a recording's task runs: one task, in the loop of its first use, followed by another when it ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from asyncrr.home import Home, running_loop

marker: contextvars.ContextVar[str] = contextvars.ContextVar("marker", default="empty")


class Runs:
    """Makes coroutines that run until they are told to end, and knows of each where it ran."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []
        self.contexts: list[str] = []
        self.has_begun = threading.Event()

    async def run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        self.contexts.append(marker.get())
        self.has_begun.set()
        await asyncio.Event().wait()


def home_of(runs: Runs) -> Home:
    return Home("a task's name", runs.run, threading.RLock())


async def end(home: Home) -> None:
    task = home._task
    assert task is not None
    task.cancel()
    await asyncio.wait([task])


def test_the_task_starts_once_in_the_running_loop() -> None:
    async def main() -> None:
        runs = Runs()
        home = home_of(runs)
        assert not home.is_running
        assert not home.is_here
        marker.set("the starter's")
        assert home.ensure()
        assert not home.ensure()
        await asyncio.sleep(0)
        assert (home.is_running, home.is_here, home.is_elsewhere) == (True, True, False)
        assert [task.get_name() for task in runs.tasks] == ["a task's name"]
        assert runs.contexts == ["empty"]  # it must not keep alive what its starter's context holds
        await end(home)

    asyncio.run(main())


def test_a_task_that_ended_is_followed_by_another() -> None:
    async def main() -> None:
        runs = Runs()
        home = home_of(runs)
        home.ensure()
        await asyncio.sleep(0)
        await end(home)
        assert not home.is_running
        assert home.ensure()
        await asyncio.sleep(0)
        assert len(runs.tasks) == 2
        await end(home)

    asyncio.run(main())


def test_the_task_moves_to_the_loop_that_comes_after() -> None:
    runs = Runs()
    home = home_of(runs)
    loops = []

    async def main() -> None:
        assert home.ensure()
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)

    for _ in range(2):
        asyncio.run(main())
        assert not home.is_running
        assert not home.is_elsewhere
    assert [task.get_loop() for task in runs.tasks] == loops


def test_without_a_loop_the_task_runs_in_the_background() -> None:
    runs = Runs()
    home = home_of(runs)
    assert running_loop() is None
    assert home.ensure()
    assert home.is_running  # it is about to
    assert not home.ensure()
    assert runs.has_begun.wait(10)
    assert (home.is_here, home.is_elsewhere) == (False, True)
    assert home.loop is not None
    asyncio.run_coroutine_threadsafe(end(home), home.loop).result(10)
    assert not home.is_elsewhere


def test_what_is_called_runs_on_the_loop_in_an_empty_context() -> None:
    runs = Runs()
    home = home_of(runs)
    called: list[tuple[str, str, bool]] = []

    def act(name: str) -> None:
        called.append((name, marker.get(), running_loop() is home.loop))

    async def main() -> None:
        home.call(lambda: act("here"))
        assert [name for name, *_ in called] == ["here"]  # at once
        is_done = asyncio.Event()

        def from_a_thread() -> None:
            marker.set("the thread's")
            home.call(lambda: act("there"))
            home.call(is_done.set)

        threading.Thread(target=from_a_thread).start()
        await is_done.wait()
        marker.set("the caller's")
        is_done.clear()
        home.later(0.0, lambda: (act("later"), is_done.set()))
        await is_done.wait()
        await end(home)

    asyncio.run(main())
    assert called == [("here", "empty", True), ("there", "empty", True), ("later", "empty", True)]


def test_a_timer_can_be_cancelled() -> None:
    async def main() -> None:
        home = home_of(Runs())
        home.ensure()
        called: list[int] = []
        is_done = asyncio.Event()
        home.later(0.0, lambda: called.append(1)).cancel()
        home.later(0.0, is_done.set)
        await is_done.wait()
        assert called == []
        await end(home)

    asyncio.run(main())


def test_a_loop_that_closes_under_a_call_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs()
    home = home_of(runs)

    class ClosesUnderUs:
        is_gone = False

        def is_closed(self) -> bool:
            return self.is_gone

        def call_soon_threadsafe(self, act: Callable[[], object], context: object = None) -> None:
            self.is_gone = True
            raise RuntimeError("Event loop is closed")

    home.loop = ClosesUnderUs()  # type: ignore[assignment]
    monkeypatch.setattr(home, "_is_starting", True)
    is_called = threading.Event()
    home.call(is_called.set)
    assert is_called.wait(10)
    assert runs.has_begun.wait(10)
    assert home.loop is not None
    asyncio.run_coroutine_threadsafe(end(home), home.loop).result(10)


def test_where_no_thread_starts_any_more_there_is_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> asyncio.AbstractEventLoop:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("asyncrr.home.background_loop", refuse)
    home = home_of(Runs())
    called: list[int] = []
    assert not home.ensure()
    home.call(lambda: called.append(1))
    assert not home.is_running
    assert called == []


def test_one_of_many_threads_starts_the_task() -> None:
    runs = Runs()
    home = home_of(runs)
    start, told = threading.Barrier(8), []

    def begin() -> None:
        start.wait(10)
        told.append(home.ensure())

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(told) == [False] * 7 + [True]
    assert runs.has_begun.wait(10)
    assert len(runs.tasks) == 1
    assert home.loop is not None
    asyncio.run_coroutine_threadsafe(end(home), home.loop).result(10)


@pytest.mark.parametrize("has_begun", [True, False])
def test_nobody_complains_of_a_task_that_is_abandoned(has_begun: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither that a coroutine was never awaited, nor that a pending task was destroyed."""
    home = home_of(Runs())
    loop = asyncio.new_event_loop()

    async def main() -> None:
        home.ensure()
        if has_begun:
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    if has_begun:
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    home.abandon()
    home.abandon()  # there is nothing left
    gc.collect()
    assert not home.is_running
    assert capsys.readouterr().err == ""


def test_a_forked_child_has_neither_loop_nor_task() -> None:
    async def main() -> None:
        runs = Runs()
        home = home_of(runs)
        home.ensure()
        await asyncio.sleep(0)
        task, lock = home._task, threading.RLock()
        home.forget(lock)
        assert (home.loop, home._lock) == (None, lock)
        assert not home.is_running
        assert home.ensure()
        await asyncio.sleep(0)
        assert len(runs.tasks) == 2
        await end(home)
        assert task is not None
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())


@pytest.mark.parametrize("error", [SystemExit(3), ValueError("broken")])
def test_what_ends_the_process_is_told_by_the_loop_alone(error: BaseException) -> None:
    """And anything else that breaks the task by its loop's handler, once."""
    told: list[object] = []
    homes: list[Home] = []

    async def fail() -> None:
        raise error

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        homes.append(Home("task", fail, threading.RLock()))
        homes[0].ensure()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    if isinstance(error, SystemExit):
        with pytest.raises(SystemExit):
            asyncio.run(main())
    else:
        asyncio.run(main())
    task = homes[0]._task
    assert task is not None
    assert not task._log_traceback, "it would be told again when the task goes"  # type: ignore[attr-defined]
    assert told == ([] if isinstance(error, SystemExit) else [error])
