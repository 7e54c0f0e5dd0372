"""The background loop for recordings that are used where no loop runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

__all__ = ["background_loop", "before_stop", "stop_background_loop"]

_Ready: TypeAlias = "concurrent.futures.Future[tuple[BlockingPortal, asyncio.AbstractEventLoop]]"

_STOP_SECONDS = 1.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_portal: BlockingPortal | None = None
_thread: threading.Thread | None = None
_closers: list[Callable[[], None]] = []


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop that all such recordings share, in a daemon thread; the first call starts it."""
    global _loop, _portal, _thread
    with _lock:
        if _loop is None or _loop.is_closed():
            ready: _Ready = concurrent.futures.Future()
            run = contextvars.Context().run
            _thread = threading.Thread(target=run, args=(_run, ready), name="asyncrr-loop", daemon=True)
            _thread.start()
            _portal, _loop = ready.result()
        return _loop


def _run(ready: _Ready) -> None:
    import anyio

    try:
        anyio.run(_serve, ready)
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)


async def _serve(ready: _Ready) -> None:
    # not start_blocking_portal: dropped in a forked child, its generator would wait there for a thread that is not
    from anyio.from_thread import BlockingPortal

    async with BlockingPortal() as portal:
        ready.set_result((portal, asyncio.get_running_loop()))
        await portal.sleep_until_stopped()


def before_stop(close: Callable[[], None]) -> None:
    """Have `close` called before the loop ends with the process, while it still runs."""
    _closers.append(close)


def stop_background_loop() -> None:
    """End it, at the process' end."""
    global _loop, _portal, _thread
    while _closers:
        with contextlib.suppress(Exception):  # what cannot be closed in time ends with the process
            _closers.pop()()
    with _lock:
        portal, thread = _portal, _thread
        _portal, _loop, _thread = None, None, None
    if portal is not None and thread is not None:
        with contextlib.suppress(RuntimeError):  # it has ended
            portal.start_task_soon(portal.stop)
        thread.join(_STOP_SECONDS)


def _forget() -> None:
    """In a forked child the thread does not exist."""
    global _lock, _loop, _portal, _thread
    _lock = threading.Lock()
    _loop = None
    _portal = None
    _thread = None
    _closers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
