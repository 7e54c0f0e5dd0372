"""Group commit: a few threads that write what ledgers hold, and a few others that sync it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

from asyncrr.collector.ledger import Ledger
from asyncrr.collector.outcomes import Synced

__all__ = ["Committer"]

_GATHER_SECONDS = 0.005
_GATHER_BYTES = 2**20
_RETRY_SECONDS = 0.5
_PATIENCE_SECONDS = 0.02
_WRITING_THREADS = 4
_SYNCING_THREADS = 8


class Committer:
    """Brings the frames of all ledgers to the disk and reports on the loop what is durable.

    One thread at a time writes a ledger, and one syncs it: a file that stands still holds up nobody else, up to as many
    of them as there are threads. While a ledger's sync is under way its next frames are written, so that a sync settles
    as many as came meanwhile; without 1 MiB of them it waits 5 ms for more.

    Args:
        loop: Where ledgers are told.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._results: list[tuple[Ledger, Synced]] = []
        self._writing = _Lane("write", _WRITING_THREADS, self._write, _PATIENCE_SECONDS)
        self._syncing = _Lane("sync", _SYNCING_THREADS, self._sync)

    def submit(self, ledger: Ledger) -> None:
        """There is something to do for this ledger. Never blocks for the disk."""
        if not ledger.has_obstacle:  # else it is tried again in a while
            self._writing.put(ledger)

    def close(self, timeout: float) -> None:
        """Bring everything to the disk that there is room for, and end the threads. Blocks."""
        deadline = time.monotonic() + timeout
        self._writing.close(deadline)
        self._syncing.close(deadline)

    def _write(self, ledger: Ledger) -> float | None:
        has_more = ledger.write()
        self._syncing.put(ledger, 0.0 if ledger.unsettled_bytes >= _GATHER_BYTES else _GATHER_SECONDS)
        if ledger.has_obstacle:
            return _RETRY_SECONDS
        return 0.0 if has_more else None

    def _sync(self, ledger: Ledger) -> float | None:
        synced = ledger.sync()
        if synced is not None:
            with self._lock:
                self._results.append((ledger, synced))
                is_first = len(self._results) == 1
            if is_first:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
                    self._loop.call_soon_threadsafe(self._settle)
        return None

    def _settle(self) -> None:
        with self._lock:
            results, self._results = self._results, []
        for ledger, synced in results:
            ledger.settle(synced)


class _Lane:
    """Threads that do one thing to ledgers, to each in one thread at a time; more are started as more are busy.

    Args:
        name: What they do.
        count: How many at most.
        act: Does it, and says after how many seconds it wants to do so again, if it does.
        patience_seconds: How long one may take before another works beside it: what takes the interpreter rather than
            the disk is not done sooner by several, and would leave the loop less of it.
    """

    def __init__(
        self, name: str, count: int, act: Callable[[Ledger], float | None], patience_seconds: float = 0.0
    ) -> None:
        self._name = name
        self._count = count
        self._act = act
        self._patience_seconds = patience_seconds
        self._leading = threading.Lock()  # held by the thread that waits for the next ledger
        self._changed = threading.Condition()
        self._waiting: dict[Ledger, None] = {}
        self._later: dict[Ledger, float] = {}  # when their turn comes: in order, for all wait equally long
        self._busy: dict[Ledger, float | None] = {}  # in how many seconds their turn comes again
        self._patience: dict[Ledger, float] = {}  # until when nobody works beside the one that works at it
        self._threads: list[threading.Thread] = []
        self._is_closing = False
        self._start()

    def put(self, ledger: Ledger, seconds: float = 0.0) -> None:
        """Act on a ledger in so many seconds, or earlier where that was to be."""
        with self._changed:
            if ledger in self._busy:
                before = self._busy[ledger]
                self._busy[ledger] = seconds if before is None else min(before, seconds)
            else:
                self._enter(ledger, seconds)
                self._changed.notify()

    def close(self, deadline: float) -> None:
        """Act on what there is, and end the threads. Blocks until then."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        for thread in self._threads:  # those that are started meanwhile, too
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"asyncrr-collector-{self._name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _enter(self, ledger: Ledger, seconds: float) -> None:
        if not seconds:
            self._later.pop(ledger, None)
            self._waiting[ledger] = None
        elif ledger not in self._waiting:
            self._later.setdefault(ledger, time.monotonic() + seconds)

    def _work(self) -> None:
        while (ledger := self._next()) is not None:
            wanted = self._act(ledger)
            with self._changed:
                again = self._busy.pop(ledger)
                if wanted and self._is_closing:  # there is no time for another attempt
                    wanted = None
                if (seconds := again if wanted is None else wanted) is not None:
                    self._enter(ledger, seconds)
                del self._patience[ledger]
                self._changed.notify()
            del ledger

    def _next(self) -> Ledger | None:
        with self._leading, self._changed:
            while True:
                wait: float | None = None
                while self._later:
                    ledger, due = next(iter(self._later.items()))
                    wait = due - time.monotonic()
                    if wait > 0 and not self._is_closing:
                        break
                    del self._later[ledger]
                    self._waiting[ledger] = None
                    wait = None
                patience = max(self._patience.values(), default=0.0) - time.monotonic()
                if self._waiting and patience > 0:
                    wait = patience
                elif self._waiting:
                    ledger = next(iter(self._waiting))
                    del self._waiting[ledger]
                    self._busy[ledger] = None
                    self._patience[ledger] = time.monotonic() + self._patience_seconds
                    if len(self._busy) == len(self._threads) < self._count:
                        self._start()
                    return ledger
                elif self._is_closing:
                    return None
                self._changed.wait(wait)
