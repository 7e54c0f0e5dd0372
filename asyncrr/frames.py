"""Which generator the running code belongs to, as the Python stack tells it."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from types import CodeType, FrameType

__all__ = ["borrowing_context", "current_task", "enclosing", "is_finished", "keeps_its_scopes", "watch"]

_MANAGERS = frozenset(
    {
        ("contextlib", "__enter__"),
        ("contextlib", "__aenter__"),
        ("_pytest.fixtures", "call_fixture_func"),
        ("anyio._backends._asyncio", "_run_tests_and_fixtures"),
        ("pytest_asyncio.plugin", "setup"),
        ("litestar._kwargs.dependencies", "resolve_dependency"),
        ("aiohttp.web_app", "_on_startup"),
    }
)
"""Who runs a generator up to its ``yield`` in order to use it as a context manager: module and function."""

_BORDERS = frozenset(
    {
        ("asyncio.events", "_run"),
        ("asyncio.runners", "run"),
        ("asyncrr.scope", "bound"),
        ("trio._core._run", "unrolled_run"),
    }
)
"""Where code begins that does not belong to what stands below it on the stack: module and function."""
_BORDER_NAMES = frozenset(name for _, name in _BORDERS)
"""Looked at first, being cheaper."""


def current_task() -> asyncio.Task[Any] | None:
    """The running task, or ``None`` in a callback or without a loop."""
    return None if asyncio._get_running_loop() is None else asyncio.current_task()


def enclosing(accepts: Callable[[FrameType], bool]) -> FrameType | None:
    """The nearest frame on the stack of the caller's caller that is accepted.

    The search ends where the running task, callback or bound function begins: a loop that runs inside somebody's
    generator, or a task that starts eagerly in it, is not that generator's code.
    """
    task = current_task()
    root = None if task is None else getattr(task.get_coro(), "cr_frame", None)
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name in _BORDER_NAMES and _place(frame) in _BORDERS:
            return None
        if accepts(frame):
            return frame
        if frame is root:
            return None
        frame = frame.f_back
    return None


def keeps_its_scopes(frame: FrameType) -> bool:
    """Whether this is a generator's frame, other than of one that serves as a context manager."""
    flags = frame.f_code.co_flags
    if not flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR) or flags & inspect.CO_ITERABLE_COROUTINE:
        return False
    return frame.f_back is None or _place(frame.f_back) not in _MANAGERS


def is_finished(frame: FrameType) -> bool:
    """Whether a generator's frame will never run again.

    ``f_back`` does not tell (3.13 leaves it on finished frames). A frame object owns its code only once the generator
    has let go of it, and the garbage collector sees what it owns.
    """
    return any(owned is frame.f_code for owned in gc.get_referents(frame))


def borrowing_context() -> Context | None:
    """The context of the task for which anyio's worker thread enters a context manager, if that is what happens here.

    So FastAPI runs a dependency that is a plain function with ``yield``. The worker has but a copy of that context.
    """
    if type(threading.current_thread()).__name__ != "WorkerThread" or enclosing(_is_borrowed) is None:
        return None
    borrower: Any = sys.modules["anyio._backends._asyncio"]
    task = getattr(getattr(borrower.threadlocals, "current_cancel_scope", None), "_host_task", None)
    if sys.version_info >= (3, 12):
        return None if task is None else task.get_context()
    contexts = (owned for owned in gc.get_referents(task) if type(owned).__name__ == "Context")
    return next(contexts, None)


def _is_borrowed(frame: FrameType) -> bool:
    worker = frame.f_back
    return (
        worker is not None
        and _place(frame) == ("contextlib", "__enter__")
        and _place(worker) == ("anyio._backends._asyncio", "run")
    )


def _place(frame: FrameType) -> tuple[str | None, str]:
    return frame.f_globals.get("__name__"), frame.f_code.co_name


if sys.version_info >= (3, 12):
    _monitoring = sys.monitoring
    _LOCAL_EVENTS = _monitoring.events.PY_YIELD | _monitoring.events.PY_RETURN | _monitoring.events.PY_RESUME

    class _Watch:
        """Our place among the tools that Python tells of yields, taken at the first generator that enters a scope."""

        def __init__(self) -> None:
            self.tool: int | None = None

        def take(self, resumes: Callable[[FrameType], None], suspends: Callable[[FrameType], None]) -> int | None:
            if self.tool is None:
                # 0, 1, 2 and 5 are by convention a debugger's, coverage's, a profiler's and an optimizer's.
                self.tool = next((tool for tool in (4, 3) if _monitoring.get_tool(tool) is None), None)
                if self.tool is not None:
                    _monitoring.use_tool_id(self.tool, "asyncrr")
                    events = _monitoring.events
                    for event in (events.PY_RESUME, events.PY_THROW):
                        _monitoring.register_callback(self.tool, event, lambda *_: resumes(sys._getframe(1)))
                    for event in (events.PY_YIELD, events.PY_RETURN, events.PY_UNWIND):
                        _monitoring.register_callback(self.tool, event, lambda *_: suspends(sys._getframe(1)))
                    _monitoring.set_events(
                        self.tool, events.PY_THROW | events.PY_UNWIND
                    )  # not to be had for one function only
            return self.tool

    _watch = _Watch()

    def watch(code: CodeType, resumes: Callable[[FrameType], None], suspends: Callable[[FrameType], None]) -> bool:
        """Have the functions called whenever a generator of this code goes on or yields.

        Returns:
            Whether that will happen. Not before Python 3.12, nor if other tools use all that monitoring has to give.
        """
        tool = _watch.take(resumes, suspends)
        if tool is None:
            return False
        if _monitoring.get_local_events(tool, code) != _LOCAL_EVENTS:
            _monitoring.set_local_events(tool, code, _LOCAL_EVENTS)
        return True

else:

    def watch(code: CodeType, resumes: Callable[[FrameType], None], suspends: Callable[[FrameType], None]) -> bool:
        """Python 3.11 does not tell when a generator yields."""
        return False
