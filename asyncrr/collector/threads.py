"""Threads for what blocks: a few daemons, which go on working while the interpreter ends."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Threads"]

_COUNT = 4

T = TypeVar("T")


class Threads:
    """Runs functions away from the loop, as ``asyncio.to_thread`` does.

    Its executor refuses work once the main thread has ended; a collector inside a process has to take what that
    process still logs then.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        for number in range(_COUNT):
            threading.Thread(target=self._work, name=f"asyncrr-collector-{number}", daemon=True).start()

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call `function` in a thread and wait for it; a wait that is cancelled does not stop the call.

        Raises:
            Exception: What the function raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = function(*arguments)
            except BaseException as caught:
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, done, result, error)

        self._jobs.put(job)
        return await done

    def stop(self) -> None:
        """End the threads when what was given to them is done."""
        for _ in range(_COUNT):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job


def _settle(done: asyncio.Future[T], result: T, error: BaseException | None) -> None:
    if done.done():  # cancelled
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
