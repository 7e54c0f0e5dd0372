"""What the stack tells of generators: where the running code belongs, and what watches the yields."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from asyncrr import frames
from asyncrr.frames import borrowing_context, current_task, enclosing, is_finished, keeps_its_scopes
from asyncrr.scope import bind


def found(accepts: Any) -> FrameType | None:
    """As `enter` calls it: from a function of the package."""
    return enclosing(accepts)


def generator_around() -> FrameType | None:
    return found(keeps_its_scopes)


def name_of(frame: FrameType | None) -> str | None:
    return None if frame is None else frame.f_code.co_name


def test_the_nearest_generator_is_found_through_what_it_calls() -> None:
    def helper() -> str | None:
        return name_of(generator_around())

    def inner() -> Any:
        yield helper()

    def outer() -> Any:
        yield helper()
        yield from inner()
        yield helper()

    assert helper() is None
    assert list(outer()) == ["outer", "inner", "outer"]


def test_async_generators_and_generator_expressions_are_found_and_coroutines_are_not() -> None:
    async def coroutine() -> str | None:
        return name_of(generator_around())

    async def generator() -> Any:
        yield name_of(generator_around())
        yield await coroutine()

    async def main() -> None:
        assert await coroutine() is None
        assert [item async for item in generator()] == ["generator", "generator"]

    asyncio.run(main())
    assert next(name_of(generator_around()) for _ in range(1)) == "<genexpr>"


def test_generators_that_serve_as_context_managers_are_passed_over() -> None:
    @contextlib.contextmanager
    def manager() -> Any:
        yield name_of(generator_around())

    @contextlib.asynccontextmanager
    async def amanager() -> Any:
        yield name_of(generator_around())

    def generator() -> Any:
        with manager() as inside:
            yield inside

    async def main() -> None:
        async with amanager() as inside:
            assert inside is None

    with manager() as inside:
        assert inside is None
    assert list(generator()) == ["generator"]
    asyncio.run(main())


def test_the_search_ends_where_a_task_a_callback_or_a_bound_function_begins() -> None:
    async def seen_in_a_task() -> str | None:
        return name_of(generator_around())

    def generator() -> Any:
        yield name_of(generator_around())
        yield asyncio.run(seen_in_a_task())
        yield bind(generator_around)()
        yield contextvars.copy_context().run(generator_around)

    assert next(items := generator()) == "generator"
    assert next(items) is None
    assert next(items) is None
    assert name_of(next(items)) == "generator"  # another context alone is no border

    async def main() -> None:
        seen: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        async def agenerator() -> Any:
            asyncio.get_running_loop().call_soon(lambda: seen.set_result(name_of(generator_around())))
            yield await seen

        assert [item async for item in agenerator()] == [None]

    asyncio.run(main())


def test_the_task_is_the_running_one_if_any() -> None:
    assert current_task() is None

    async def main() -> None:
        assert current_task() is asyncio.current_task() is not None
        seen: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: seen.set_result(current_task()))
        assert await seen is None

    asyncio.run(main())


@pytest.mark.parametrize("end", ["returned", "closed", "raised", "collected"])
def test_a_frame_is_finished_once_its_generator_can_run_no_more(end: str) -> None:
    def generator() -> Any:
        with contextlib.nullcontext():  # as around a scope; without, Python 3.13 lets go of the code only with the rest
            yield inspect.currentframe()
        if end == "raised":
            raise LookupError

    items = generator()
    frame = next(items)
    assert not is_finished(frame)
    if end == "returned":
        assert list(items) == []
    elif end == "closed":
        items.close()
    elif end == "raised":
        with pytest.raises(LookupError):
            next(items)
    else:
        del items
        gc.collect()
    assert is_finished(frame)


def test_only_a_worker_thread_that_enters_a_context_manager_borrows() -> None:
    assert borrowing_context() is None
    contexts: list[Any] = []
    thread = threading.Thread(target=lambda: contexts.append(borrowing_context()))
    thread.start()
    thread.join(10)
    assert contexts == [None]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring before 3.12")
def test_a_watch_tells_of_every_yield_and_resumption_of_its_own_code_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_watch", frames._Watch())
    told: list[tuple[str, str]] = []

    def watched_one() -> Any:
        with contextlib.suppress(LookupError):
            yield 1
        yield 2

    def another_one() -> Any:
        yield 1

    tool = None
    try:
        is_watched = frames.watch(
            watched_one.__code__,
            lambda frame: told.append(("resumes", frame.f_code.co_name)),
            lambda frame: told.append(("suspends", frame.f_code.co_name)),
        )
        tool = frames._watch.tool
        assert is_watched
        items = watched_one()
        next(items)
        items.throw(LookupError)
        assert next(items, "end") == "end"
        list(another_one())
    finally:
        if tool is not None:
            sys.monitoring.free_tool_id(tool)
    own = [event for event, name in told if name == "watched_one"]
    assert own == ["suspends", "resumes", "suspends", "resumes", "suspends"]
    assert {name for _, name in told} & {"another_one"} == set()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from 3.12 on Python tells of yields")
def test_before_python_3_12_nothing_is_watched() -> None:
    told: list[FrameType] = []

    def generator() -> Any:
        yield 1
        yield 2

    assert frames.watch(generator.__code__, told.append, told.append) is False
    assert list(generator()) == [1, 2]
    assert told == []
