"""What calls return: awaited or not, from any loop or thread, ended once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import warnings
from typing import Any

import pytest

from asyncrr.awaitables import DONE, TURN, Consequence


def pending() -> tuple[concurrent.futures.Future[int], Consequence[int]]:
    future: concurrent.futures.Future[int] = concurrent.futures.Future()
    return future, Consequence(future)


async def turns_of(awaitable: Any) -> int:
    """How often another task runs while this is awaited."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    await awaitable
    counter.cancel()
    return turns


def test_done_gives_no_turn_and_turn_gives_one() -> None:
    async def main() -> None:
        assert await turns_of(DONE) == 0
        assert await turns_of(TURN) == 1

    asyncio.run(main())


def test_done_and_turn_may_be_awaited_again_in_any_loop() -> None:
    async def main() -> None:
        for _ in range(3):
            assert await DONE is None
            assert await TURN is None  # type: ignore[func-returns-value]

    for is_debugging in (False, True, False):
        asyncio.run(main(), debug=is_debugging)


def test_what_is_settled_needs_no_loop() -> None:
    settled = Consequence.settled()
    assert settled.done()
    assert settled.result() is None
    with pytest.raises(StopIteration):
        next(settled.__await__())


def test_a_result_comes_to_all_who_wait() -> None:
    async def main() -> None:
        future, consequence = pending()

        async def wait() -> int:
            return await consequence

        waiters = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not consequence.done()
        future.set_result(7)
        assert await asyncio.gather(*waiters) == [7, 7, 7]
        assert await consequence == 7
        assert consequence.result() == 7

    asyncio.run(main())


def test_a_failure_comes_to_all_who_wait_and_to_nobody_else() -> None:
    async def main() -> None:
        future, consequence = pending()

        async def wait() -> int:
            return await consequence

        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        future.set_exception(LookupError("it went wrong"))
        with pytest.raises(LookupError, match="it went wrong"):
            await waiter
        with pytest.raises(LookupError, match="it went wrong"):
            await consequence

    asyncio.run(main(), debug=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        future, consequence = pending()
        future.set_exception(LookupError("nobody asks"))
        del future, consequence
        gc.collect()


def test_who_is_cancelled_cancels_nobody_else() -> None:
    async def main() -> None:
        future, consequence = pending()

        async def wait() -> int:
            return await consequence

        one, other = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        assert not consequence.done()
        future.set_result(7)
        assert await other == 7

    asyncio.run(main())


def test_another_thread_wakes_who_waits_in_a_loop() -> None:
    async def main() -> None:
        future, consequence = pending()
        is_waiting = threading.Event()

        def end() -> None:
            is_waiting.wait(10)
            future.set_result(7)

        thread = threading.Thread(target=end)
        thread.start()
        asyncio.get_running_loop().call_soon(is_waiting.set)
        assert await consequence == 7
        thread.join(10)

    asyncio.run(main())


def test_who_waited_in_a_loop_that_is_closed_is_left_alone() -> None:
    future, consequence = pending()

    async def main() -> None:
        async def wait() -> int:
            return await consequence

        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait([waiter])

    asyncio.run(main())
    future.set_result(7)
    assert consequence.result() == 7


def test_a_thread_waits_no_longer_than_it_says() -> None:
    _, consequence = pending()
    with pytest.raises(TimeoutError):
        consequence.result(0)


def test_callbacks_are_called_once_it_is_done() -> None:
    future, consequence = pending()
    told: list[int] = []
    consequence.add_done_callback(lambda done: told.append(done.result()))
    assert told == []
    future.set_result(7)
    consequence.add_done_callback(lambda done: told.append(done.result() + 1))
    assert told == [7, 8]


def test_what_has_ended_does_not_fail_any_more() -> None:
    future, consequence = pending()
    consequence.fail(LookupError("first"))
    consequence.fail(LookupError("second"))
    with pytest.raises(LookupError, match="first"):
        consequence.result()
    settled = Consequence.settled()
    settled.fail(LookupError("too late"))
    assert settled.result() is None
    assert future.done()
