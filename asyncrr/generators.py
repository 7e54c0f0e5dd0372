"""Decorators that give a generator, or every call of a function, a scope of its own."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar

from asyncrr.errors import UsageError
from asyncrr.scope import Keeper, Scope, active_time_point, enter, leave

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from types import FrameType

__all__ = ["recording_stream_generator_ctx", "thread_local_stream_decorator"]

F = TypeVar("F", bound="Callable[..., Any]")
T = TypeVar("T")


def recording_stream_generator_ctx(func: F) -> F:
    """Decorate a generator function that yields while it holds a recording's scope.

    Its consumer sees its own recording between the yields, the generator sees the one it entered. That holds without
    the decorator as well, except for what is said in :mod:`asyncrr.scope` about tasks on Python 3.11.
    ``send``, ``throw``, ``close`` and the return value are kept.

    Args:
        func: A generator function or an async generator function.

    Returns:
        A function of the same kind.

    Raises:
        UsageError: It is neither.
    """
    if not (inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func)):
        raise UsageError(f"{func!r} is no generator function: a plain function needs no decorator, `with` is enough")
    return _driven(func, lambda _: contextlib.nullcontext())


def thread_local_stream_decorator(
    make_recording: Callable[[], T],
    close_recording: Callable[[T], object],
    aclose_recording: Callable[[T], Awaitable[object]],
) -> Callable[[F], F]:
    """Make a decorator that gives every call a recording of its own, active inside that call only.

    For functions, ``async def``, generators, async generators and methods. A generator's call begins with its
    first item and ends with its last, or when it is closed or collected.

    Args:
        make_recording: Makes the recording of one call.
        close_recording: Closes it when a function or generator ends.
        aclose_recording: Closes it when an ``async`` one ends, however it ends; on cancellation too.
    """

    def decorate(func: F) -> F:
        if inspect.isgeneratorfunction(func):
            return _driven(func, lambda keeper: _call(keeper, make_recording(), close_recording))
        if inspect.isasyncgenfunction(func):
            return _driven(func, lambda keeper: _acall(keeper, make_recording(), aclose_recording))
        if inspect.iscoroutinefunction(func):

            async def acalled(*args: Any, **kwargs: Any) -> Any:
                async with _acall(None, make_recording(), aclose_recording):
                    return await func(*args, **kwargs)

            return _like(func, acalled)

        def called(*args: Any, **kwargs: Any) -> Any:
            with _call(None, make_recording(), close_recording):
                return func(*args, **kwargs)

        return _like(func, called)

    return decorate


def _driven(func: F, call_of: Callable[[Keeper], Any]) -> F:
    """The generator function, with its keeper told of every step, and a context manager around all of them."""
    if inspect.isgeneratorfunction(func):

        def driven(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = func(*args, **kwargs)
            with _declared(generator.gi_frame) as keeper, call_of(keeper):
                return (yield from _Steps(generator, keeper))

        return _like(func, driven)

    async def adriven(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = func(*args, **kwargs)
        with _declared(generator.ag_frame) as keeper:
            async with call_of(keeper):
                step = _first_step(generator)
                while True:
                    try:
                        with _Step(keeper):
                            value = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = generator.asend((yield value))
                    except GeneratorExit:
                        with _Step(keeper):
                            await generator.aclose()
                        raise
                    except BaseException as error:
                        step = generator.athrow(error)

    return _like(func, adriven)


def _first_step(generator: AsyncGenerator[Any, Any]) -> Any:
    """Begin the async generator without the loop getting to know of it, for the loop would close it under our hands."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


class _Steps(Generator[Any, Any, Any]):
    """A generator whose keeper is told of every step."""

    __slots__ = ("_generator", "_keeper")

    def __init__(self, generator: Generator[Any, Any, Any], keeper: Keeper) -> None:
        self._generator = generator
        self._keeper = keeper

    def send(self, value: Any) -> Any:
        with _Step(self._keeper):
            return self._generator.send(value)

    def throw(self, *error: Any) -> Any:
        with _Step(self._keeper):
            return self._generator.throw(*error)

    def close(self) -> None:
        with _Step(self._keeper):
            self._generator.close()


class _Step:
    """The generator runs in the current context, from here to the end of the block."""

    __slots__ = ("_keeper",)

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def __enter__(self) -> None:
        self._keeper.resume()

    def __exit__(self, *_: object) -> None:
        self._keeper.suspend()


@contextlib.contextmanager
def _declared(frame: FrameType) -> Iterator[Keeper]:
    keeper = Keeper(frame, declared=True)
    try:
        yield keeper
    finally:
        keeper.release()


def _entered(keeper: Keeper | None, recording: object) -> Scope:
    if keeper is None:
        return enter(recording)
    scope = Scope(recording, keeper)
    keeper.open(scope, active_time_point())
    return scope


@contextlib.contextmanager
def _call(keeper: Keeper | None, recording: T, close: Callable[[T], object]) -> Iterator[None]:
    scope = _entered(keeper, recording)
    try:
        yield
    except BaseException as error:
        leave(scope)
        try:
            close(recording)
        except Exception as trouble:
            error.add_note(f"closing {recording!r} failed as well: {trouble!r}")
        raise
    leave(scope)
    close(recording)


@contextlib.asynccontextmanager
async def _acall(
    keeper: Keeper | None, recording: T, aclose: Callable[[T], Awaitable[object]]
) -> AsyncGenerator[None, None]:
    scope = _entered(keeper, recording)
    try:
        yield
    except BaseException as error:
        leave(scope)
        try:
            await aclose(recording)
        except Exception as trouble:
            error.add_note(f"closing {recording!r} failed as well: {trouble!r}")
        raise
    leave(scope)
    await aclose(recording)


def _like(func: F, wrapper: Callable[..., Any]) -> F:
    return functools.wraps(func)(wrapper)  # type: ignore[return-value]
