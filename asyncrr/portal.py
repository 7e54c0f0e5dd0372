"""The background loop for recordings that are used where no loop runs."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from anyio.from_thread import BlockingPortal

__all__ = ["background_loop", "is_background_loop", "stop_background_loop"]

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_portal: AbstractContextManager[BlockingPortal] | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop that all such recordings share, in a daemon thread; the first call starts it."""
    global _loop, _portal
    with _lock:
        if _loop is None or _loop.is_closed():
            from anyio.from_thread import start_blocking_portal

            _portal = start_blocking_portal("asyncio", name="asyncrr-loop")
            _loop = _portal.__enter__().call(asyncio.get_running_loop)
        return _loop


def is_background_loop(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether `loop` is that loop."""
    return loop is not None and loop is _loop


def stop_background_loop() -> None:
    """End it, at the process' end."""
    global _loop, _portal
    with _lock:
        portal, _portal, _loop = _portal, None, None
    if portal is not None:
        portal.__exit__(None, None, None)


def _forget() -> None:
    """In a forked child the thread does not exist."""
    global _lock, _loop, _portal
    _lock = threading.Lock()
    _loop = None
    _portal = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
