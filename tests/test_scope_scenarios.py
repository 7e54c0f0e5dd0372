"""Scopes as services, pipelines and test suites meet them, in both ways in which a generator's yields are found out."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from scopes import A, B, C, Rec, at, nothing_stays_behind, seen, step, watched  # noqa: F401
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from asyncrr.clock import set_time
from asyncrr.scope import active_recording, bind


def in_thread(fn, *args):
    """Run in another thread with a copy of the context, as ``to_thread`` does."""
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(context.run, fn, *args).result()


# ---- fixtures

_teardown = []


@pytest.fixture
def outer():
    with A:
        at(1)
        yield
        _teardown.append(("outer", *seen()))


@pytest.fixture
def inner(outer):
    with B:
        at(2)
        yield
        _teardown.append(("inner", *seen()))


@pytest.fixture
def ended():
    _teardown.clear()
    yield
    assert _teardown == [("inner", B, 2), ("outer", A, 1)]


def test_fixtures_that_build_upon_one_another(ended, inner):
    assert seen() == (B, 2)
    with C:
        assert active_recording() is C
    assert seen() == (B, 2)


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        stack.enter_context(A)
        yield stack


def test_a_fixture_that_gives_away_its_stack(stack):
    assert active_recording() is A
    stack.enter_context(B)
    assert active_recording() is B


def test_a_generator_in_a_test_with_a_fixture(inner):
    def generator():
        with C:
            yield seen()

    assert [(inside, seen()) for inside in generator()] == [((C, 2), (B, 2))]


# ---- Starlette: a sync generator, each item in a worker thread with a fresh context


def test_streamed_responses_of_starlette_each_keep_their_recording():
    recordings = [Rec(f"request {n}") for n in range(4)]
    after = []

    def stream(recording):
        with recording:
            for n in range(5):
                at(n)
                yield f"{active_recording()} {step()}\n"
        after.append(seen())

    async def astream(recording):
        async with recording:
            for n in range(5):
                at(n)
                await asyncio.sleep(0)
                yield f"{active_recording()} {step()}\n"
        after.append(seen())

    async def respond(request):
        number = int(request.path_params["number"])
        with B:  # what the handler does with its own scope is no business of the stream's
            make = stream if request.path_params["kind"] == "sync" else astream
            response = StreamingResponse(make(recordings[number]))
            assert active_recording() is B
        return response

    app = Starlette(routes=[Route("/{kind}/{number}", respond)])

    async def main():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            kinds = ["sync", "async", "sync", "async"]
            paths = [f"/{kind}/{number}" for number, kind in enumerate(kinds)]
            with C:
                answers = await asyncio.gather(*[client.get(path) for path in paths])
                assert active_recording() is C
        for number, answer in enumerate(answers):
            assert answer.text == "".join(f"request {number} {n}\n" for n in range(5))

    asyncio.run(main())
    assert {recording for recording, _ in after} <= {None, C}


def test_a_response_that_is_cut_off_leaves_no_scope():
    closed = []

    def stream():
        with A:
            try:
                while True:
                    yield b"x" * 1000
            finally:
                closed.append(seen())

    async def main():
        generator = stream()
        for _ in range(3):
            await asyncio.to_thread(next, generator)
        with B:
            await asyncio.to_thread(generator.close)
            assert active_recording() is B

    asyncio.run(main())
    assert closed == [(A, None)]


# ---- exit stacks


def test_an_async_exit_stack_is_a_block():
    async def main():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(A)
            assert active_recording() is A
            stack.enter_context(B)
            assert active_recording() is B
            kept = stack.pop_all()
        assert active_recording() is B  # it was not left
        await kept.aclose()
        assert active_recording() is None

    asyncio.run(main())


def test_an_async_exit_stack_of_an_object_that_is_opened_and_closed_by_others():
    class Service:
        async def start(self):
            self.stack = contextlib.AsyncExitStack()
            await self.stack.enter_async_context(A)

        async def stop(self):
            await self.stack.aclose()

    async def main():
        service = Service()
        await service.start()
        assert active_recording() is A  # as if entered by hand
        async with asyncio.TaskGroup() as group:
            group.create_task(service.stop())
        await service.stop()
        with B:
            assert active_recording() is B

    contextvars.copy_context().run(asyncio.run, main())


def test_an_exception_on_its_way_through_a_stack_restores_each_scope():
    seen_on_the_way = []

    class Witness:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            seen_on_the_way.append(active_recording())

    with pytest.raises(LookupError), contextlib.ExitStack() as stack:
        stack.enter_context(Witness())
        stack.enter_context(A)
        stack.enter_context(Witness())
        stack.enter_context(B)
        stack.enter_context(Witness())
        raise LookupError
    assert seen_on_the_way == [B, A, None]


# ---- generators on their way


def innermost(recording, count):
    with recording:
        for n in range(count):
            at(n)
            yield seen()
    return seen()


def middle(count):
    with A:
        before = seen()
        result = yield from innermost(B, count)
        yield seen()
        yield from innermost(C, 1)
        return before, result


def test_nested_generators_across_threads():
    def outermost():
        result = yield from middle(2)
        yield ("ended", result)

    generator = outermost()
    found = []
    with Rec("of the consumer") as consumer:
        for _ in range(5):
            found.append(in_thread(next, generator))
            assert active_recording() is consumer
            assert in_thread(active_recording) is consumer
        assert in_thread(lambda: next(generator, "end")) == "end"
    assert found[:2] == [(B, 0), (B, 1)]
    assert found[2] == (A, None)
    assert found[3] == (C, 0)
    assert found[4] == ("ended", ((A, None), (A, None)))


def test_nested_generators_driven_by_several_threads_in_turn_that_each_have_their_own_scope():
    generator = middle(3)
    turns = {name: (queue.Queue(), queue.Queue()) for name in "xyz"}

    def work(name):
        asked, answered = turns[name]
        with Rec(name) as own:
            while asked.get(timeout=10):
                inside = next(generator, "end")
                answered.put((inside, active_recording() is own))

    threads = [threading.Thread(target=work, args=(name,)) for name in turns]
    for thread in threads:
        thread.start()
    found = []
    for name in itertools.islice(itertools.cycle(turns), 6):
        turns[name][0].put(True)
        found.append(turns[name][1].get(timeout=10))
    for asked, _ in turns.values():
        asked.put(False)
    for thread in threads:
        thread.join(10)
    assert all(is_own for _, is_own in found)
    assert [inside for inside, _ in found] == [(B, 0), (B, 1), (B, 2), (A, None), (C, 0), "end"]


def test_a_generator_kept_by_an_object_and_resumed_in_other_blocks():
    class Source:
        def __init__(self):
            self._items = self._make()

        def _make(self):
            with A:
                for n in itertools.count():
                    at(n)
                    yield seen()

        def __iter__(self):
            return self

        def __next__(self):
            return next(self._items)

        def close(self):
            self._items.close()

    source = Source()
    with B:
        at(100)
        assert next(source) == (A, 0)
        assert seen() == (B, 100)
        with C:
            assert next(source) == (A, 1)
            assert seen() == (C, 100)
            at(101)
        assert seen() == (B, 100)
        assert next(source) == (A, 2)
    assert next(source) == (A, 3)
    assert seen() == (None, None)
    with C:
        assert [inside for inside, _ in zip(source, range(3), strict=False)] == [(A, 4), (A, 5), (A, 6)]
        source.close()
        assert seen() == (C, None)


def test_an_async_generator_kept_by_an_object_and_resumed_by_other_tasks_in_other_blocks():
    class Source:
        def __init__(self):
            self.items = self._make()

        async def _make(self):
            async with A:
                for n in itertools.count():
                    at(n)
                    await asyncio.sleep(0)
                    yield seen()

    async def consume(source, recording):
        async with recording:
            inside = await anext(source.items)
            assert active_recording() is recording
            await asyncio.sleep(0)
            assert active_recording() is recording
            return inside

    async def main():
        source = Source()
        async with B:
            for n, recording in enumerate((B, C, A)):
                assert await asyncio.create_task(consume(source, recording)) == (A, n)
                assert active_recording() is B
            await source.items.aclose()
            assert active_recording() is B

    asyncio.run(main())


def test_pipelines_of_itertools():
    def generator(recording):
        with recording:
            for n in range(3):
                yield active_recording(), n

    with C:
        first, second = itertools.tee(generator(A))
        assert next(first) == (A, 0)
        assert active_recording() is C
        chained = itertools.chain(second, generator(B))
        assert [item for item in chained if active_recording() is C] == [(A, n) for n in range(3)] + [
            (B, n) for n in range(3)
        ]
        assert list(first) == [(A, 1), (A, 2)]
        groups = itertools.groupby(itertools.zip_longest(generator(A), generator(B)), key=lambda _: active_recording())
        assert [(key, len(list(group))) for key, group in groups] == [(C, 3)]


def test_a_generator_resumed_by_bound_functions_of_an_executor():
    async def main():
        generator = innermost(A, 3)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool, B:
            for n in range(3):
                assert await loop.run_in_executor(pool, bind(next), generator) == (A, n)
                assert active_recording() is B
            assert await loop.run_in_executor(pool, bind(lambda: (next(generator, "end"), active_recording()))) == (
                "end",
                B,
            )

    asyncio.run(main())


def test_a_generator_left_in_the_middle_and_closed_in_a_block_of_the_same_recording():
    def generator():
        with A:
            yield
            yield

    kept = generator()
    next(kept)
    with A:
        kept.close()
        assert active_recording() is A
    assert active_recording() is None


def test_a_sequence_set_at_once_and_under_a_doubt_is_the_same():
    def generator():
        with A:
            set_time("step", sequence=1)
            set_time("step", sequence=2)
            yield step()
            set_time("step", sequence=3)
            yield step()

    def consume():
        set_time("step", sequence=10)
        items = generator()
        assert next(items) == 2
        set_time("step", sequence=11)
        assert step() == 11
        assert next(items) == 3
        assert step() == 11
        items.close()
        with B:
            assert step() == 11
            set_time("step", sequence=12)
        assert step() == 11

    contextvars.copy_context().run(consume)


# ---- async generators


def test_a_loops_end_finalises_every_async_generator_in_its_own_scope():
    after = []

    async def generator(recording):
        async with recording:
            try:
                while True:
                    yield active_recording()
            finally:
                await asyncio.sleep(0)
                after.append(active_recording())

    async def outer():
        async with C:
            async for item in generator(A):
                yield item, active_recording()

    kept = []

    async def main():
        async with B:
            for each in (outer(), generator(A), generator(B)):
                kept.append(each)
                await anext(each)
                assert active_recording() is B

    asyncio.run(main())
    assert sorted(map(repr, after)) == ["A", "A", "B"]
    assert seen() == (None, None)
    kept.clear()


def test_an_async_generator_closed_by_aclosing_after_a_break():
    async def generator():
        async with A:
            try:
                while True:
                    yield seen()
            finally:
                await asyncio.sleep(0)
                assert active_recording() is A

    async def main():
        async with B:
            async with contextlib.aclosing(generator()) as items:
                async for inside in items:
                    assert inside == (A, None)
                    assert active_recording() is B
                    break
            assert active_recording() is B

    asyncio.run(main())


def test_a_cancelled_consumer_leaves_nothing_behind():
    async def generator():
        async with A:
            yield seen()
            await asyncio.Event().wait()

    async def main():
        async def consume():
            async with B:
                async for _ in generator():
                    assert active_recording() is B

        consumer = asyncio.create_task(consume())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
        assert seen() == (None, None)

    asyncio.run(main())


def test_a_task_group_inside_an_async_generator():
    """As pipelines have it that fill a queue in the background."""

    async def generator(count):
        items = asyncio.Queue()

        async def fill(n):
            at(n)
            await asyncio.sleep(0)
            items.put_nowait((active_recording(), step()))

        async with A, asyncio.TaskGroup() as group:
            for n in range(count):
                group.create_task(fill(n))
            for _ in range(count):
                yield await items.get(), active_recording()

    async def main():
        async with B:
            found = []
            async for item, inside in generator(4):
                assert inside is A
                assert active_recording() is B
                found.append(item)
            assert sorted(found, key=lambda item: item[1]) == [(A, n) for n in range(4)]

    asyncio.run(main())


def test_a_context_manager_of_a_class_that_holds_a_generator():
    """A hand-written context manager that runs a generator keeps the generator's scope in the generator."""

    class Manager:
        def __enter__(self):
            self._generator = innermost(A, 1)
            return next(self._generator)

        def __exit__(self, *_):
            self._generator.close()

    with Manager() as inside:
        assert inside == (A, 0)
        assert seen() == (None, None)
