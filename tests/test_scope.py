"""The scope rules, each in both ways in which a generator's yields are found out."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import itertools
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import pytest
from scopes import WATCHES, A, B, C, Rec, at, nothing_stays_behind, seen, step, watched  # noqa: F401

from asyncrr import frames, scope
from asyncrr.scope import (
    active_recording,
    bind,
    enter,
    leave,
    leave_innermost,
)


def fresh(fn, *args):
    """Run in a context of its own, so that what a test sets is gone afterwards."""
    return contextvars.copy_context().run(fn, *args)


def in_thread(fn, *args):
    """Run in another thread with a copy of the context, as ``to_thread`` does."""
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(context.run, fn, *args).result()


def numbers(recording=A, count=3):
    with recording:
        for n in range(count):
            at(n)
            yield seen()


async def anumbers(recording=A, count=3):
    async with recording:
        for n in range(count):
            at(n)
            await asyncio.sleep(0)
            yield seen()


# ---- blocks


def test_a_block_is_active_inside_only():
    assert active_recording() is None
    with A:
        assert active_recording() is A
        with B:
            assert active_recording() is B
        assert active_recording() is A
    assert active_recording() is None


def test_a_recording_may_be_entered_again():
    with A, B, A:
        assert active_recording() is A
        leave_innermost(A)
        assert active_recording() is B
        enter(A)


def test_exits_out_of_order_leave_the_others_alone():
    a, b = enter(A), enter(B)
    leave(a)
    assert active_recording() is B
    leave(b)
    assert active_recording() is None


def test_leaving_twice_or_what_was_never_entered_does_nothing():
    a = enter(A)
    leave(a)
    leave(a)
    leave_innermost(A)
    assert active_recording() is None


def test_what_is_set_inside_a_block_ends_with_it():
    def run():
        at(1)
        with A:
            assert step() == 1
            at(2)
            with B:
                at(3)
            assert step() == 2
        assert step() == 1

    fresh(run)


def test_an_exception_restores_the_scope():
    with pytest.raises(KeyError), A:
        raise KeyError
    assert active_recording() is None


def test_many_nested_blocks():
    scopes = [enter(Rec(str(n))) for n in range(2000)]
    leave(scopes[0])
    assert active_recording().name == "1999"
    for entered in reversed(scopes):
        leave(entered)


def test_a_deep_stack_is_searched_to_its_end():
    def down(depth):
        return seen() if depth == 0 else down(depth - 1)

    def generator():
        with A:
            yield down(700)

    assert list(generator()) == [(A, None)]


# ---- tasks, threads, callbacks


def test_tasks_inherit_and_siblings_never_disturb_each_other():
    async def job(recording, n, barrier):
        inherited = seen()
        async with recording:
            at(n)
            await barrier.wait()
            inside = seen()
            await barrier.wait()
        return inherited, inside, seen()

    async def main():
        with A:
            at(7)
            barrier = asyncio.Barrier(2)
            first, second = await asyncio.gather(job(B, 1, barrier), job(C, 2, barrier))
            assert first == ((A, 7), (B, 1), (A, 7))
            assert second == ((A, 7), (C, 2), (A, 7))
            async with asyncio.TaskGroup() as group:
                task = group.create_task(job(B, 3, asyncio.Barrier(1)))
            assert task.result()[0] == (A, 7)
            assert seen() == (A, 7)

    asyncio.run(main())


def test_a_task_keeps_what_it_inherited_after_the_block():
    async def main():
        release = asyncio.Event()

        async def job():
            await release.wait()
            with B:
                pass
            return seen()

        with A:
            at(1)
            task = asyncio.create_task(job())
        release.set()
        assert await task == (A, 1)
        assert seen() == (None, None)

    asyncio.run(main())


def test_threads_and_callbacks_inherit():
    async def main():
        loop = asyncio.get_running_loop()
        with A:
            at(1)
            assert await asyncio.to_thread(seen) == (A, 1)
            assert await anyio.to_thread.run_sync(seen) == (A, 1)
            soon, later = loop.create_future(), loop.create_future()
            loop.call_soon(lambda: soon.set_result(seen()))
            loop.call_later(0, lambda: later.set_result(seen()))
        assert await soon == await later == (A, 1)

    asyncio.run(main())


def test_bind_carries_the_scope_where_the_context_is_not_copied():
    async def main():
        with A:
            at(1)
            bound = bind(seen)
            assert bound.__name__ == "seen"
            at(2)
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, bound) == (A, 1)
        assert await loop.run_in_executor(None, seen) == (None, None)
        found = []
        thread = threading.Thread(target=bind(lambda: found.append(seen())))
        thread.start()
        thread.join()
        assert found == [(None, None)]

    asyncio.run(main())


def test_bound_calls_may_overlap_and_keep_to_themselves_what_they_set():
    barrier = threading.Barrier(2, timeout=10)

    def job(n):
        at(n)
        barrier.wait()
        return seen()

    with A:
        bound = bind(job)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(bound, [1, 2])) == [(A, 1), (A, 2)]


def test_bind_in_a_generator_and_calls_of_bound_functions_in_another():
    def binds():
        with A:
            at(1)
            yield bind(seen)

    def calls(bound):
        with B:
            yield bound()

    generator = binds()
    bound = next(generator)
    assert bound() == (A, 1)
    assert list(calls(bound)) == [(A, 1)]
    generator.close()
    assert bound() == (A, 1)


# ---- generators


def test_the_consumer_of_a_generator_sees_its_own():
    def run():
        at(100)
        for n, inside in enumerate(numbers()):
            assert inside == (A, n)
            assert seen() == (None, 100)
            at(100)
        with B:
            for n, inside in enumerate(numbers()):
                assert inside == (A, n)
                assert active_recording() is B
                at(n + 50)
                assert step() == n + 50
            assert seen() == (B, 52)
        assert seen() == (None, 100)

    fresh(run)


def test_what_a_consumer_sets_and_what_a_generator_sets_stay_apart():
    def generator():
        with A:
            at(1)
            yield
            assert seen() == (A, 1)
            at(2)
            yield
            assert seen() == (A, 2)

    def run():
        for n, _ in enumerate(generator()):
            at(10 + n)
            assert seen() == (None, 10 + n)
        assert seen() == (None, 11)

    fresh(run)


def test_a_generator_without_a_scope_is_part_of_its_consumer():
    def generator():
        while True:
            yield seen()

    generator = generator()
    with A:
        assert next(generator) == (A, None)
    with B:
        assert next(generator) == (B, None)
        assert next(seen() for _ in "x") == (B, None)
    assert next(generator) == (None, None)


def test_zip_of_two():
    for n, (first, second) in enumerate(zip(numbers(A), numbers(B), strict=True)):
        assert (first, second) == ((A, n), (B, n))
        assert active_recording() is None


def test_zip_of_two_of_the_same_recording_that_end_at_different_times():
    long, short = numbers(A, 4), numbers(A, 2)
    assert next(long) == (A, 0)
    assert list(short) == [(A, 0), (A, 1)]
    assert list(long) == [(A, 1), (A, 2), (A, 3)]


def test_pipelines_and_comprehensions():
    def doubled(source):
        with B:
            for inside in source:
                assert active_recording() is B
                yield inside, seen()

    pairs = [(pair, seen()) for pair in itertools.islice(doubled(numbers()), 2)]
    assert pairs == [(((A, n), (B, None)), (None, None)) for n in range(2)]
    assert {seen() for _ in map(str, itertools.chain(numbers(A), numbers(B)))} == {(None, None)}


def test_yield_from_and_its_return_value():
    def inner():
        with B:
            got = yield seen()
            assert seen() == (B, None)
            return got

    def outer():
        with A:
            yield seen()
            got = yield from inner()
            yield seen(), got

    generator = outer()
    assert next(generator) == (A, None)
    assert seen() == (None, None)
    assert next(generator) == (B, None)
    assert seen() == (None, None)
    assert generator.send("x") == ((A, None), "x")
    assert seen() == (None, None)
    assert list(generator) == []


def test_send_throw_and_close():
    after = []

    def generator():
        with A:
            try:
                assert (yield seen()) == "sent"
                assert active_recording() is A
                try:
                    yield
                except KeyError:
                    yield seen()
            finally:
                after.append(seen())

    g = generator()
    next(g)
    with B:
        g.send("sent")
        assert active_recording() is B
        assert g.throw(KeyError) == (A, None)
        assert active_recording() is B
        g.close()
        assert active_recording() is B
    assert after == [(A, None)]

    g = generator()
    next(g)
    with pytest.raises(OSError, match="thrown"):
        g.throw(OSError("thrown"))
    assert seen() == (None, None)


def test_an_abandoned_generator_is_finalised_at_once_and_its_scope_vanishes():
    class Marker:
        pass

    after = []

    def generator():
        marker = Marker()
        alive.append(weakref.ref(marker))
        with A:
            try:
                yield
                yield
            finally:
                after.append(seen())

    alive = []
    g = generator()
    next(g)
    assert seen() == (None, None)
    gc.disable()
    try:
        del g
        assert after == [(A, None)]
        assert alive[0]() is None
    finally:
        gc.enable()
    assert seen() == (None, None)
    assert not scope._keepers


def test_an_abandoned_generator_in_a_cycle_is_collected():
    def generator():
        me = [None]
        me[0] = yield me
        with A:
            yield

    g = generator()
    next(g)
    g.send(g)
    assert scope._keepers
    del g
    gc.collect()
    assert not scope._keepers
    assert seen() == (None, None)


@pytest.mark.parametrize("how", ["returns", "is closed", "is dropped"])
def test_a_generator_that_never_leaves_its_scope_takes_it_along_to_its_grave(how):
    def generator():
        stack = contextlib.ExitStack()
        stack.enter_context(A)
        stack.pop_all()
        yield seen()

    def run():
        g = generator()
        assert next(g) == (A, None)
        if how == "returns":
            assert list(g) == []
        elif how == "is closed":
            g.close()
        del g
        assert active_recording() is None

    fresh(run)
    for _ in range(100):
        fresh(run)
    assert len(scope._keepers) < 70
    living = numbers()
    assert next(living) == (A, 0)
    scope._sweep_at = 0
    next(numbers())
    assert len(scope._keepers) == 1
    assert next(living) == (A, 1)
    living.close()


def test_an_exit_stack_that_a_generator_fills_and_gives_away():
    def generator():
        stack = contextlib.ExitStack()
        stack.enter_context(A)
        yield stack
        yield seen()

    g = generator()
    stack = next(g)
    assert seen() == (None, None)
    with B:
        stack.close()
        assert active_recording() is B
    assert next(g) == (None, None)
    g.close()


def test_exit_stacks_in_generators():
    def generator():
        with contextlib.ExitStack() as stack:
            stack.enter_context(A)
            yield seen()
            stack.enter_context(B)
            yield seen()
            stack.pop_all().close()
            yield seen()

    for inside, expected in zip(generator(), [A, B, None], strict=True):
        assert inside == (expected, None)
        assert seen() == (None, None)


def test_two_scopes_in_turn_and_nested_in_one_generator():
    def generator():
        with A:
            at(1)
            with B:
                at(2)
                yield seen()
            yield seen()
        yield seen()
        with B:
            yield seen()

    expected = [(B, 2), (A, 1), (None, None), (B, None)]
    assert [(inside, seen()) for inside in generator()] == [(inside, (None, None)) for inside in expected]


def test_exits_out_of_order_in_a_generator():
    def generator():
        a, b = enter(A), enter(B)
        yield seen()
        leave(a)
        yield seen()
        leave(b)
        yield seen()

    assert list(generator()) == [(B, None), (B, None), (None, None)]


def test_leaving_twice_in_a_generator():
    def generator():
        a = enter(A)
        leave(a)
        leave(a)
        yield seen()

    assert list(generator()) == [(None, None)]


def test_a_block_in_a_function_called_by_a_generator():
    def helper():
        with B:
            return seen()

    def generator():
        with A:
            for _ in range(2):
                yield helper(), seen()

    assert [(inside, seen()) for inside in generator()] == [(((B, None), (A, None)), (None, None))] * 2


def test_recursive_generators():
    def walk(depth):
        with Rec(str(depth)) as recording:
            yield active_recording() is recording
            if depth:
                yield from walk(depth - 1)
                for inside in walk(depth - 1):
                    assert active_recording() is recording
                    yield inside
            yield active_recording() is recording

    for inside in walk(4):
        assert inside
        assert active_recording() is None


def test_a_generator_resumed_in_somebody_elses_block_and_closed_in_another():
    g = numbers(A, 5)
    with B:
        assert next(g) == (A, 0)
        assert active_recording() is B
    assert active_recording() is None
    with C:
        assert next(g) == (A, 1)
        assert active_recording() is C
        g.close()
        assert active_recording() is C
    assert active_recording() is None


def test_a_block_that_ends_while_a_generator_entered_in_it_lives_on():
    with B:
        g = numbers()
        next(g)
    assert seen() == (None, None)
    with A:
        assert next(g) == (A, 1)
    assert seen() == (None, None)
    assert list(g) == [(A, 2)]
    assert seen() == (None, None)


def test_a_generator_in_a_generator():
    def outer():
        with B:
            inner = numbers()
            at(40)
            for inside in inner:
                assert seen() == (B, 40)
                yield inside, seen()

    for n, (inner, own) in enumerate(outer()):
        assert (inner, own) == ((A, n), (B, 40))
        assert seen() == (None, None)


def test_a_generator_resumed_by_other_threads_each_with_a_fresh_context():
    g = numbers(A, 4)
    with B:
        assert in_thread(lambda: (next(g), active_recording())) == ((A, 0), B)
        assert active_recording() is B
        for n in range(1, 4):
            assert in_thread(next, g) == (A, n)
        assert in_thread(lambda: next(g, "end")) == "end"
        assert active_recording() is B


def test_what_a_generator_sets_goes_with_it_from_thread_to_thread():
    def generator():
        with A:
            at(1)
            yield
            at(2)
            yield
            yield step()

    g = generator()
    next(g)
    in_thread(next, g)
    assert next(g) == 2
    g.close()


def test_a_generator_finished_by_another_thread_leaves_nothing_where_it_began():
    g = numbers(A, 2)
    next(g)
    in_thread(list, g)
    assert seen() == (None, None)


# ---- async generators


def test_the_consumer_of_an_async_generator_sees_its_own():
    async def main():
        at(100)
        async for inside in anumbers():
            assert inside[0] is A
            assert seen() == (None, 100)
        assert [seen() async for _ in anumbers()] == [(None, 100)] * 3
        async with B:
            assert [inside async for inside in anumbers()] == [(A, 0), (A, 1), (A, 2)]
            assert active_recording() is B

    asyncio.run(main())


def test_async_generators_answer_asend_athrow_and_aclose():
    async def generator():
        async with A:
            while True:
                try:
                    got = yield seen()
                    assert got == "sent"
                    assert active_recording() is A
                except KeyError:
                    yield "thrown"

    async def main():
        g = generator()
        async with B:
            assert await anext(g) == (A, None)
            assert active_recording() is B
            assert await g.asend("sent") == (A, None)
            assert await g.athrow(KeyError) == "thrown"
            assert active_recording() is B
            await g.aclose()
            assert active_recording() is B

    asyncio.run(main())


def test_an_async_generator_consumed_by_several_tasks_in_turn():
    async def main():
        g = anumbers(A, 3)
        for n in range(3):

            async def consume():
                with B:
                    return await anext(g), active_recording()

            assert await asyncio.create_task(consume()) == ((A, n), B)
            assert seen() == (None, None)
        assert await asyncio.create_task(anext(g, "end")) == "end"
        assert seen() == (None, None)

    asyncio.run(main())


def test_two_tasks_each_with_an_async_generator():
    async def job(recording):
        async for inside in anumbers(recording):
            assert inside[0] is recording
            assert seen() == (None, None)

    async def main():
        await asyncio.gather(job(A), job(B), job(C))

    asyncio.run(main())


def test_an_abandoned_async_generator_is_finalised_by_the_loop():
    after = []
    finalised = asyncio.Event()

    async def generator():
        async with A:
            try:
                yield
            finally:
                await asyncio.sleep(0)
                after.append(seen())
                finalised.set()

    async def main():
        g = generator()
        await anext(g)
        assert seen() == (None, None)
        del g
        await finalised.wait()
        assert seen() == (None, None)
        g = generator()
        await anext(g)
        return g  # finalised by shutdown_asyncgens

    asyncio.run(main())
    assert after == [(A, None)] * 2


def test_async_exit_stacks_in_async_generators():
    async def generator():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(A)
            yield seen()
            stack.enter_context(B)
            yield seen()
        yield seen()

    async def main():
        assert [(inside, seen()) async for inside in generator()] == [
            ((A, None), (None, None)),
            ((B, None), (None, None)),
            ((None, None), (None, None)),
        ]

    asyncio.run(main())


def test_tasks_that_an_async_generator_starts_inherit_its_scope():
    async def job(release):
        await release.wait()
        return seen()

    async def generator(release):
        async with A:
            at(1)
            yield asyncio.create_task(job(release)), await asyncio.gather(asyncio.to_thread(seen), job(release))

    async def main():
        release = asyncio.Event()
        release.set()
        g = generator(release)
        task, inherited = await anext(g)
        assert inherited == [(A, 1), (A, 1)]
        assert seen() == (None, None)
        assert await task == (A, 1)
        release.clear()
        other = generator(release)
        waiting = asyncio.create_task(anext(other))
        release.set()
        task, _ = await waiting
        await other.aclose()
        await g.aclose()
        assert await task == (A, 1)

    asyncio.run(main())


def test_an_inherited_scope_outlives_its_generator_and_can_be_added_to():
    async def main():
        release = asyncio.Event()

        async def job():
            await release.wait()
            first = seen()
            at(5)
            with B:
                at(6)
            return first, seen()

        async def generator():
            async with A:
                at(1)
                yield asyncio.create_task(job())
                yield seen()

        g = generator()
        task = await anext(g)
        release.set()
        assert await task == ((A, 1), (A, 5))
        assert await anext(g) == (A, 1)
        await g.aclose()

    asyncio.run(main())


def test_tasks_that_a_consumer_starts_after_it_looked_do_not_inherit_the_generators_scope():
    async def job():
        return seen()

    async def main():
        async for _ in anumbers():
            assert seen() == (None, None)
            assert await asyncio.create_task(job()) == (None, None)
        for _ in numbers():
            assert seen() == (None, None)
            assert await asyncio.create_task(job()) == (None, None)
            assert await asyncio.to_thread(seen) == (None, None)

    asyncio.run(main())


def test_where_yields_are_watched_tasks_inherit_exactly_what_their_starter_sees(watched):  # noqa: F811
    if not watched:
        return

    async def job():
        return seen()

    async def generator():
        async with A:
            yield
            yield asyncio.create_task(job())

    async def main():
        with B:
            g = generator()
            await anext(g)
            assert await asyncio.create_task(job()) == (B, None)
            assert await asyncio.to_thread(seen) == (B, None)
            started = await anext(g)
            assert await started == (A, None)
            assert not scope._doubts
            await g.aclose()

    asyncio.run(main())


# ---- loops inside generators


def test_a_loop_inside_a_generator():
    async def job(recording, n):
        inherited = seen()
        async with recording:
            at(n)
            await asyncio.sleep(0)
            inside = seen()
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: done.set_result(seen()))
        return inherited, inside, await done

    async def main():
        return await asyncio.gather(job(B, 1), job(C, 2))

    def generator():
        with A:
            at(9)
            yield asyncio.run(main())
            assert seen() == (A, 9)
            with asyncio.Runner() as runner:
                yield runner.run(main())
            assert seen() == (A, 9)

    for results in generator():
        assert results == [((A, 9), (B, 1), (A, 9)), ((A, 9), (C, 2), (A, 9))]
        assert seen() == (None, None)


def test_a_callback_of_a_loop_inside_a_generator_sets_time_for_itself_only():
    found = []

    def callback():
        at(5)
        found.append(seen())

    def generator():
        with A:
            at(1)
            loop = asyncio.new_event_loop()
            loop.call_soon(callback)
            loop.call_soon(loop.stop)
            loop.run_forever()
            loop.close()
            yield seen()

    assert list(generator()) == [(A, 1)]
    assert found == [(A, 5)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_have_scopes_of_their_own():
    async def job(n):
        inherited = seen()
        async with B:
            at(n)
            await asyncio.sleep(0)
            inside = seen()
        return inherited, inside, seen()

    async def generator():
        async with A:
            at(7)
            yield await asyncio.gather(job(1), job(2))
            assert seen() == (A, 7)
            yield [await asyncio.create_task(job(3))]

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        first, second = [result async for result in generator()]
        assert first == [((A, 7), (B, 1), (A, 7)), ((A, 7), (B, 2), (A, 7))]
        assert second == [((A, 7), (B, 3), (A, 7))]
        assert seen() == (None, None)
        with C:
            assert (await job(4))[0] == (C, 7 if step() else None)

    asyncio.run(main())


# ---- generators that are context managers


@contextlib.contextmanager
def managed(recording=A):
    with recording:
        at(1)
        yield seen()


@contextlib.asynccontextmanager
async def amanaged(recording=A):
    async with recording:
        at(1)
        yield seen()


def test_a_context_manager_gives_its_scope_to_its_block():
    with managed():
        assert seen() == (A, 1)
        with managed(B):
            assert seen() == (B, 1)
        assert seen() == (A, 1)
    assert seen() == (None, None)


def test_an_async_context_manager_gives_its_scope_to_its_block():
    async def main():
        async with amanaged(), amanaged(B):
            assert seen() == (B, 1)
            assert await asyncio.to_thread(seen) == (B, 1)
        assert seen() == (None, None)

    asyncio.run(main())


def test_a_context_manager_in_a_generator_gives_its_scope_to_the_generator():
    def generator():
        with managed():
            yield seen()
            at(2)
            yield seen()

    async def agenerator():
        async with amanaged():
            yield seen()
            at(2)
            yield seen()

    async def main():
        assert [(inside, seen()) async for inside in agenerator()] == expected

    expected = [((A, 1), (None, None)), ((A, 2), (None, None))]
    assert [(inside, seen()) for inside in generator()] == expected
    asyncio.run(main())


def test_a_context_manager_as_decorator():
    @managed()
    def function():
        return seen()

    assert function() == (A, 1)
    assert seen() == (None, None)


@pytest.fixture
def recording_of_a_fixture():
    with A:
        yield A


def test_a_fixture_gives_its_scope_to_the_test(recording_of_a_fixture):
    assert active_recording() is recording_of_a_fixture


def test_a_context_manager_entered_by_anyios_worker_thread_gives_its_scope_to_the_task():
    async def main():
        with B:
            manager = managed()
            assert await anyio.to_thread.run_sync(manager.__enter__) == (A, 1)
            assert active_recording() is A
            assert await asyncio.to_thread(active_recording) is A
            await anyio.to_thread.run_sync(manager.__exit__, None, None, None)
            assert seen() == (B, None)

    asyncio.run(main())


def test_an_ordinary_block_in_a_worker_thread_stays_there():
    def work():
        with managed():
            return seen()

    def outlives():
        enter(A)

    async def main():
        assert await anyio.to_thread.run_sync(work) == (A, 1)
        await anyio.to_thread.run_sync(outlives)
        assert seen() == (None, None)

    asyncio.run(main())


def test_a_task_that_cannot_borrow_is_left_alone(monkeypatch):
    def manage():
        context = contextvars.copy_context()
        monkeypatch.setattr(scope, "borrowing_context", lambda: context)
        a = enter(A)  # its borrower's context is free
        assert a.borrower is context
        context.run(lambda: leave(a))  # ... and is entered now
        assert a.borrower is None

        def enters_while_the_borrower_runs():
            b = enter(B)
            assert b.borrower is None
            leave(b)

        context.run(enters_while_the_borrower_runs)

    fresh(manage)


def test_dependencies_with_yield_and_streamed_generators_of_fastapi():
    fastapi = pytest.importorskip("fastapi")
    responses = pytest.importorskip("starlette.responses")
    testclient = pytest.importorskip("starlette.testclient")
    app = fastapi.FastAPI()

    def depends():
        with A:
            at(1)
            yield

    async def adepends():
        async with B:
            at(2)
            yield

    def show():
        return [repr(active_recording()), step()]

    @app.get("/sync", dependencies=[fastapi.Depends(depends)])
    def sync():
        return show()

    @app.get("/mixed", dependencies=[fastapi.Depends(depends)])
    async def mixed():
        return show()

    @app.get("/async", dependencies=[fastapi.Depends(adepends)])
    async def asynchronous():
        return show()

    @app.get("/nested", dependencies=[fastapi.Depends(depends), fastapi.Depends(adepends)])
    def nested():
        return show()

    @app.get("/stream")
    async def stream():
        return responses.StreamingResponse(f"{recording}{n} " for recording, n in numbers())

    with testclient.TestClient(app) as client:
        assert client.get("/sync").json() == ["A", 1]
        assert client.get("/mixed").json() == ["A", 1]
        assert client.get("/async").json() == ["B", 2]
        assert client.get("/nested").json() == ["B", 2]
        assert client.get("/stream").text == "A0 A1 A2 "


# ---- what it costs, and what it rests on


def test_frames_tell_whether_they_are_finished():
    def generator():
        yield sys._getframe()
        yield frames.is_finished(sys._getframe())

    g = generator()
    frame = next(g)
    assert not frames.is_finished(frame)
    assert next(g) is False
    del g
    assert frames.is_finished(frame)


@pytest.mark.skipif(not WATCHES, reason="there is no sys.monitoring before 3.12")
def test_without_a_free_tool_yields_are_not_watched(monkeypatch):
    watch = frames._Watch()
    monkeypatch.setattr(frames, "_watch", watch)
    monkeypatch.setattr(sys.monitoring, "get_tool", lambda _: "taken")
    assert not frames.watch((lambda: None).__code__, id, id)
    assert watch.tool is None


def test_a_coroutine_in_disguise_is_no_generator():
    import types

    @types.coroutine
    def disguised():
        enter(A)
        yield

    def run():
        coroutine = disguised()
        coroutine.send(None)
        assert active_recording() is A
        coroutine.close()

    fresh(run)
