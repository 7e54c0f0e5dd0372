"""Group commit: one thread that writes what ledgers hold, another that syncs it."""

from __future__ import annotations

import asyncio
import threading
import time

from asyncrr.collector.ledger import Ledger, Synced

__all__ = ["Committer"]

_GATHER_SECONDS = 0.005
_GATHER_BYTES = 2**20
_RETRY_SECONDS = 0.5


class Committer:
    """Brings the frames of all ledgers to the disk and reports on the loop what is durable.

    While one sync is under way the next frames are written, so that a sync settles as many as came meanwhile; without
    1 MiB of them it waits 5 ms for more.

    Args:
        loop: Where ledgers are told.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._to_write: dict[Ledger, None] = {}
        self._to_sync: dict[Ledger, None] = {}
        self._sync_bytes = 0
        self._retries: dict[Ledger, float] = {}
        self._is_closing = False
        self._is_writer_done = False
        self._threads = [
            threading.Thread(target=self._write_all, name="asyncrr-collector-write", daemon=True),
            threading.Thread(target=self._sync_all, name="asyncrr-collector-sync", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, ledger: Ledger) -> None:
        """There is something to do for this ledger. Never blocks for the disk."""
        with self._changed:
            if ledger not in self._retries:
                self._to_write[ledger] = None
                self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Bring everything to the disk that there is room for, and end the threads. Blocks."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _write_all(self) -> None:
        while (ledger := self._next_to_write()) is not None:
            before = ledger.unsettled_bytes
            has_more = ledger.write()
            with self._changed:
                self._to_sync[ledger] = None
                self._sync_bytes += max(0, ledger.unsettled_bytes - before)
                if ledger.has_obstacle:
                    self._retries[ledger] = time.monotonic() + _RETRY_SECONDS
                elif has_more:
                    self._to_write[ledger] = None
                self._changed.notify_all()
            del ledger
        with self._changed:
            self._is_writer_done = True
            self._changed.notify_all()

    def _next_to_write(self) -> Ledger | None:
        with self._changed:
            while True:
                now = time.monotonic()
                for ledger in [ledger for ledger, due in self._retries.items() if due <= now]:
                    del self._retries[ledger]
                    self._to_write[ledger] = None
                if self._to_write:
                    ledger = next(iter(self._to_write))
                    del self._to_write[ledger]
                    return ledger
                if self._is_closing:
                    return None
                due = min(self._retries.values(), default=None)
                self._changed.wait(None if due is None else max(0.0, due - now))

    def _sync_all(self) -> None:
        while ledgers := self._next_to_sync():
            results = [(ledger, synced) for ledger in ledgers if (synced := ledger.sync()) is not None]
            try:
                self._loop.call_soon_threadsafe(_settle, results)
            except RuntimeError:
                return  # the loop is closed: nobody wants to know
            del ledgers, results

    def _next_to_sync(self) -> list[Ledger]:
        with self._changed:
            self._changed.wait_for(lambda: self._to_sync or self._is_writer_done)
            self._changed.wait_for(
                lambda: self._sync_bytes >= _GATHER_BYTES or self._is_writer_done, timeout=_GATHER_SECONDS
            )
            ledgers = list(self._to_sync)
            self._to_sync.clear()
            self._sync_bytes = 0
            return ledgers


def _settle(results: list[tuple[Ledger, Synced]]) -> None:
    for ledger, synced in results:
        ledger.settle(synced)
