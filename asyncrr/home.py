"""The loop and the one task of a recording."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from asyncrr.portal import background_loop

__all__ = ["Home"]

_tasks: set[asyncio.Task[None]] = set()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in the calling thread, if any."""
    return asyncio._get_running_loop()


class Home:
    """Where a recording's task runs: the loop of its first use, or the background loop where none runs.

    A task that was cancelled, or whose loop is closed, is followed by another at the next use.

    Args:
        name: The task's name.
        run: Makes the task's coroutine.
        lock: Held while the task starts.
    """

    def __init__(self, name: str, run: Callable[[], Coroutine[Any, Any, None]], lock: threading.RLock) -> None:
        self._name = name
        self._run = run
        self._lock = lock
        self.loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_starting = False

    @property
    def is_running(self) -> bool:
        """Whether the task runs, or is about to."""
        if self.loop is None or self.loop.is_closed():
            return False
        return self._is_starting or (self._task is not None and not self._task.done())

    @property
    def is_here(self) -> bool:
        """Whether the calling thread runs the task's loop."""
        return self.loop is not None and running_loop() is self.loop

    @property
    def is_elsewhere(self) -> bool:
        """Whether the task goes on in another thread, such as the background loop's."""
        return self.is_running and not self.is_here and self.loop is not None and self.loop.is_running()

    def ensure(self) -> bool:
        """Start the task unless it runs; tells whether this call did."""
        if self.is_running:
            return False
        with self._lock:
            if self.is_running:
                return False
            here = running_loop()
            try:
                self.loop = here or background_loop()
            except RuntimeError:  # the interpreter ends: no thread starts any more, and who ends it takes the rows
                return False
            self._is_starting = True
            if here is not None:
                self._start()
            else:
                self.loop.call_soon_threadsafe(self._start, context=contextvars.Context())
            return True

    def _start(self) -> None:
        assert self.loop is not None
        self.abandon()
        task = self.loop.create_task(self._run(), name=self._name, context=contextvars.Context())
        self._task = task
        self._is_starting = False
        _tasks.add(task)
        task.add_done_callback(_ended)

    def call(self, act: Callable[[], object]) -> None:
        """Have `act` called on the loop: now if that is where we are, else soon; starts the task if need be."""
        self.ensure()
        if self.is_here:
            act()
            return
        if self.loop is None:
            return
        try:
            self.loop.call_soon_threadsafe(act, context=contextvars.Context())
        except RuntimeError:  # the loop was closed meanwhile
            self.ensure()
            self.loop.call_soon_threadsafe(act, context=contextvars.Context())

    def later(self, seconds: float, act: Callable[[], object]) -> asyncio.TimerHandle:
        """Have `act` called on the loop after a time; only from the loop's own thread.

        Nothing here runs in a caller's context: a timer would keep that alive, and with it what it holds.
        """
        assert self.loop is not None
        return self.loop.call_later(seconds, act, context=contextvars.Context())

    def abandon(self) -> None:
        """Let go of a task whose loop does not run any more, so that nobody complains of its end."""
        task, self._task = self._task, None
        if task is None or task.done():
            return
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        coroutine: Any = task.get_coro()
        if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
            with contextlib.suppress(ValueError):
                coroutine.close()

    def forget(self, lock: threading.RLock) -> None:
        """In a forked child the loop and the task are the parent's."""
        self.abandon()
        self._lock = lock
        self.loop = None
        self._is_starting = False


def _ended(task: asyncio.Task[None]) -> None:
    """Forget the task, and tell of what broke it, but for the end of the process, of which the loop tells by itself."""
    _tasks.discard(task)
    if task.cancelled() or (error := task.exception()) is None:
        return
    if isinstance(error, Exception):
        context = {"message": f"{task.get_name()} has failed", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)
