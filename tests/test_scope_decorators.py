"""Decorated generators, and calls with recordings of their own."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading

import pytest
from scopes import A, B, C, Rec, at, nothing_stays_behind, seen, watched  # noqa: F401

from asyncrr import scope
from asyncrr.errors import UsageError
from asyncrr.generators import recording_stream_generator_ctx, thread_local_stream_decorator
from asyncrr.scope import active_recording, bind

closed: list[str] = []


class Closing(Rec):
    """A recording that tells when it was closed, and whether it was active still."""

    count = 0
    fails = False

    def __init__(self) -> None:
        type(self).count += 1
        super().__init__(f"own{self.count}")

    def close(self) -> None:
        assert active_recording() is not self
        closed.append(self.name)
        if self.fails:
            raise OSError("disk full")

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.close()


own = thread_local_stream_decorator(Closing, Closing.close, Closing.aclose)


@pytest.fixture(autouse=True)
def start_counting(monkeypatch):
    closed.clear()
    monkeypatch.setattr(Closing, "count", 0)


def name_seen() -> str:
    return repr(active_recording())


# ---- recording_stream_generator_ctx


@recording_stream_generator_ctx
def numbers(recording=A):
    """Numbers."""
    yield seen()
    with recording:
        at(0)
        for n in range(1, 3):
            yield seen()
            at(n)
    return (yield seen())


@recording_stream_generator_ctx
async def anumbers(recording=A):
    yield seen()
    async with recording:
        at(0)
        for n in range(1, 3):
            await asyncio.sleep(0)
            yield seen()
            at(n)
    yield seen()


EXPECTED = [(None, None), (A, 0), (A, 1), (None, None)]


def test_decorated_generators_keep_their_kind():
    assert inspect.isgeneratorfunction(numbers)
    assert inspect.isasyncgenfunction(anumbers)
    assert numbers.__doc__ == "Numbers."


def test_what_is_no_generator_cannot_be_decorated():
    with pytest.raises(UsageError, match="no generator function"):
        recording_stream_generator_ctx(lambda: None)


def test_the_consumer_of_a_decorated_generator_sees_its_own():
    for inside, expected in zip(numbers(), EXPECTED, strict=True):
        assert inside == expected
        assert seen() == (None, None)

    async def main():
        async for inside in anumbers():
            results.append(inside)
            assert seen() == (None, None)

    results: list[object] = []
    asyncio.run(main())
    assert results == EXPECTED


def test_tasks_inherit_exactly_what_their_starter_sees():
    async def job():
        return seen()

    @recording_stream_generator_ctx
    async def generator():
        async with A:
            yield
            yield asyncio.create_task(job()), bind(seen)

    @recording_stream_generator_ctx
    def plain():
        with C:
            yield
            yield asyncio.create_task(job()), bind(seen)

    async def main():
        with B:
            g, p = generator(), plain()
            await anext(g)
            next(p)
            assert await asyncio.create_task(job()) == (B, None)
            assert await asyncio.to_thread(seen) == (B, None)
            task, bound = await anext(g)
            assert (await task, bound()) == ((A, None), (A, None))
            task, bound = next(p)
            assert (await task, bound()) == ((C, None), (C, None))
            assert not scope._doubts
            await g.aclose()
            p.close()
            assert seen() == (B, None)

    asyncio.run(main())


def test_a_decorated_generator_keeps_send_throw_close_and_the_return_value():
    after = []

    @recording_stream_generator_ctx
    def generator():
        with A:
            try:
                assert (yield) == "sent"
                try:
                    yield seen()
                except KeyError:
                    yield "thrown", seen()
                return "returned"
            finally:
                after.append(seen())

    def outer():
        return (yield from generator())

    with B:
        g = outer()
        next(g)
        assert g.send("sent") == (A, None)
        assert g.throw(KeyError) == ("thrown", (A, None))
        assert active_recording() is B
        with pytest.raises(StopIteration, match="returned"):
            next(g)
        g = generator()
        next(g)
        g.close()
        g = generator()
        next(g)
        with pytest.raises(OSError, match="x"):
            g.throw(OSError("x"))
        g = generator()
        next(g)
        del g
        assert active_recording() is B
    assert after == [(A, None)] * 4


def test_a_decorated_async_generator_keeps_asend_athrow_and_aclose():
    after = []

    @recording_stream_generator_ctx
    async def generator():
        async with A:
            try:
                assert (yield) == "sent"
                try:
                    yield seen()
                except KeyError:
                    yield "thrown", seen()
            finally:
                await asyncio.sleep(0)
                after.append(seen())

    async def main():
        with B:
            g = generator()
            await anext(g)
            assert await g.asend("sent") == (A, None)
            assert await g.athrow(KeyError) == ("thrown", (A, None))
            assert active_recording() is B
            assert await anext(g, "end") == "end"
            g = generator()
            await anext(g)
            await g.aclose()
            g = generator()
            await anext(g)
            with pytest.raises(OSError, match="x"):
                await g.athrow(OSError("x"))
            g = generator()
            await anext(g)
            assert active_recording() is B
            return g

    asyncio.run(main())
    assert after == [(A, None)] * 4


def test_the_loop_knows_of_the_decorated_async_generator_only_and_so_closes_it_once():
    async def main():
        g = anumbers()
        await anext(g)
        assert list(asyncio.get_running_loop()._asyncgens) == [g]
        await g.aclose()

    asyncio.run(main())


def test_a_decorated_generator_that_never_leaves_its_scope_takes_it_along():
    @recording_stream_generator_ctx
    def generator():
        stack = contextlib.ExitStack()
        stack.enter_context(A)
        yield seen()

    assert list(generator()) == [(A, None)]
    g = generator()
    next(g)
    g.close()
    assert seen() == (None, None)


def test_decorated_and_undecorated_generators_together():
    def plain():
        with B:
            yield seen()
            yield seen()

    @recording_stream_generator_ctx
    def decorated():
        with A:
            for inside in plain():
                yield inside, seen()

    def outer():
        with C:
            for inside in decorated():
                yield inside, seen()

    assert [(inside, seen()) for inside in outer()] == [
        ((((B, None), (A, None)), (C, None)), (None, None)),
    ] * 2


# ---- thread_local_stream


def test_every_call_of_a_function_has_its_own_recording():
    @own
    def job(n):
        """A job."""
        return n, name_seen()

    class Service:
        @own
        def method(self):
            return self, name_seen()

    with A:
        assert job(1) == (1, "own1")
        assert job(n=2) == (2, "own2")
        service = Service()
        assert service.method() == (service, "own3")
        assert active_recording() is A
    assert closed == ["own1", "own2", "own3"]
    assert job.__doc__ == "A job."


def test_two_threads_each_with_its_own_recording():
    barrier = threading.Barrier(2, timeout=10)
    names = []

    @own
    def job():
        barrier.wait()
        names.append(name_seen())

    threads = [threading.Thread(target=job) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == sorted(closed) == ["own1", "own2"]


def test_every_call_of_an_async_function_has_its_own_recording():
    @own
    async def job(barrier):
        before = name_seen()
        await barrier.wait()
        return before, name_seen()

    async def main():
        barrier = asyncio.Barrier(2)
        first, second = await asyncio.gather(job(barrier), job(barrier))
        assert [first, second] == [("own1", "own1"), ("own2", "own2")]
        assert active_recording() is None

    assert inspect.iscoroutinefunction(job)
    asyncio.run(main())
    assert sorted(closed) == ["own1", "own2"]


def test_a_cancelled_call_closes_its_recording():
    @own
    async def job(started):
        started.set()
        await asyncio.Event().wait()

    async def main():
        started = asyncio.Event()
        task = asyncio.create_task(job(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert closed == ["own1"]


def test_every_call_of_a_generator_has_its_own_recording():
    @own
    def items():
        at(1)
        got = yield name_seen()
        with A:
            yield active_recording(), got
        return seen()[1]

    def outer(generator):
        assert (yield from generator) == 1

    assert inspect.isgeneratorfunction(items)
    one, two = items(), items()
    assert (next(two), next(one)) == ("own1", "own2")
    assert seen() == (None, None)
    assert one.send("sent") == (A, "sent")
    assert list(outer(one)) == []
    assert closed == ["own2"]
    del two
    assert closed == ["own2", "own1"]
    assert next(outer(items())) == "own3"
    assert seen() == (None, None)


def test_every_call_of_an_async_generator_has_its_own_recording():
    @own
    async def items():
        yield name_seen()
        await asyncio.sleep(0)
        yield name_seen()

    async def main():
        assert [(name, seen()) async for name in items()] == [("own1", (None, None))] * 2
        assert closed == ["own1"]
        g = items()
        assert await anext(g) == "own2"
        await g.aclose()
        assert closed == ["own1", "own2"]
        g = items()
        await anext(g)
        return g

    assert inspect.isasyncgenfunction(items)
    asyncio.run(main())
    assert closed == ["own1", "own2", "own3"]


def test_a_generator_that_is_never_started_makes_no_recording():
    @own
    def items():
        yield

    items().close()
    assert Closing.count == 0


@pytest.mark.parametrize("is_async", [False, True])
def test_trouble_in_closing_never_replaces_the_users_exception(monkeypatch, is_async):
    @own
    def job(error):
        if error:
            raise error

    @own
    async def ajob(error):
        job.__wrapped__(error)

    def call(error):
        return asyncio.run(ajob(error)) if is_async else job(error)

    with pytest.raises(KeyError) as caught:
        call(KeyError("user's"))
    assert not hasattr(caught.value, "__notes__")
    monkeypatch.setattr(Closing, "fails", True)
    with pytest.raises(KeyError) as caught:
        call(KeyError("user's"))
    assert caught.value.__notes__ == ["closing own2 failed as well: OSError('disk full')"]
    with pytest.raises(OSError, match="disk full"):
        call(None)
    assert seen() == (None, None)
