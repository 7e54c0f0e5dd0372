"""What calls return: awaitables that may be dropped without a warning."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar, cast

__all__ = ["DONE", "TURN", "Consequence", "Turn"]

T = TypeVar("T")


class _NoLoop:
    """All that a finished future asks of its loop."""

    def get_debug(self) -> bool:
        return False


def _finished() -> Awaitable[None]:
    future: asyncio.Future[None] = asyncio.Future(loop=cast(asyncio.AbstractEventLoop, _NoLoop()))
    future.set_result(None)
    return future


DONE: Awaitable[None] = _finished()
"""Nothing to wait for. A finished C future is what costs least to await, and it may be awaited in any loop."""


class Turn:
    """Awaiting it lets every other ready task run once."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


TURN = Turn()


class Consequence(Generic[T]):
    """The consequence of a call that already took effect: await it, wait for it in a thread, or drop it.

    Cancelling the one who awaits cancels nothing else. A failure that nobody awaits is not reported twice: the
    recording has already counted it.
    """

    __slots__ = ("_future",)

    def __init__(self, future: concurrent.futures.Future[T]) -> None:
        self._future = future

    @staticmethod
    def settled() -> Consequence[None]:
        """One that has come about already."""
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        done.set_result(None)
        return Consequence(done)

    def __await__(self) -> Generator[Any, None, T]:
        if self._future.done():
            return self._future.result()
        return (yield from self._wait().__await__())

    async def _wait(self) -> T:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()

        def wake(_: object) -> None:
            if not waiter.done():
                waiter.set_result(None)

        def wake_from_anywhere(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop of the one who waited is closed
                loop.call_soon_threadsafe(wake, None)

        self._future.add_done_callback(wake_from_anywhere)
        await waiter
        return self._future.result()

    def result(self, timeout: float | None = None) -> T:
        """Wait in a thread that runs no loop.

        Args:
            timeout: Seconds; ``None`` waits for ever.

        Raises:
            TimeoutError: It took longer.
        """
        return self._future.result(timeout)

    def fail(self, error: BaseException) -> None:
        """End the wait with an error, unless it has ended."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self._future.set_exception(error)

    def done(self) -> bool:
        """Whether nothing is left to wait for."""
        return self._future.done()

    def add_done_callback(self, callback: Callable[[concurrent.futures.Future[T]], object]) -> None:
        """Call `callback` once done, in the thread that finishes it."""
        self._future.add_done_callback(callback)
