"""The store: the directory of a collector, with a ledger for every writer that is connected."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from contextlib import suppress
from functools import partial
from typing import IO

from asyncrr.collector.catalogue import Catalogue, RecordingFacts
from asyncrr.collector.commit import Committer
from asyncrr.collector.ledger import Ledger
from asyncrr.collector.memory import Memory
from asyncrr.collector.outcomes import Synced
from asyncrr.collector.retention import FOR_EVER, Kept, Retention, to_remove
from asyncrr.collector.rotation import NEVER, Rotation
from asyncrr.collector.scanning import scan_segment
from asyncrr.collector.segments import Place, SegmentFacts, StaticKey, directory_name, segment_paths
from asyncrr.collector.threads import Threads
from asyncrr.errors import UsageError
from asyncrr.locking import lock_file
from asyncrr.syncing import make_directory
from asyncrr.wire import DeliveryReceiver, RecordingHeader

__all__ = ["Store"]

_IDLE_SECONDS = 60.0
_MAX_IDLE = 256
_CLOSE_SECONDS = 30.0
_SWEEP_SECONDS = 30.0


class Store:
    """Where frames are kept. One collector at a time uses a directory.

    Args:
        directory: Made if it does not exist.
        idle_seconds: How long the file of a writer that went away without an end stays open for its return.
        rotation: When a segment is ended and followed by another.
        retention: What is kept of recordings that are complete; looked after every `sweep_seconds`.
        sweep_seconds: See `retention`.

    Attributes:
        collector_id: Made once for the directory.
        threads: For what blocks, while it is open.
        memory: What recorders have sent that is not yet written.
    """

    def __init__(
        self,
        directory: str,
        idle_seconds: float = _IDLE_SECONDS,
        rotation: Rotation = NEVER,
        retention: Retention = FOR_EVER,
        sweep_seconds: float = _SWEEP_SECONDS,
    ) -> None:
        self._rotation = rotation
        self._retention = retention
        self._sweep_seconds = sweep_seconds
        self._sweeping: asyncio.Task[None] | None = None
        self._removals: dict[str, asyncio.Future[None]] = {}
        self.directory: str = os.path.abspath(directory)
        self.collector_id: str = ""
        self.threads: Threads
        self.memory: Memory = Memory()
        self._idle_seconds = idle_seconds
        self._catalogue = Catalogue(self.directory)
        self._committer: Committer | None = None
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._openings: dict[tuple[str, str], asyncio.Future[Ledger]] = {}
        self._idle: dict[Ledger, asyncio.TimerHandle] = {}
        self._users: dict[Ledger, int] = {}
        self._lock_file: IO[bytes] | None = None

    async def open(self) -> None:
        """Lock the directory and learn what it holds.

        Raises:
            UsageError: Another collector uses it.
            OSError: It cannot be used.
        """
        self.threads = Threads()
        try:
            self.collector_id = await self.threads.run(self._open)
        except BaseException:
            self.threads.stop()
            raise
        self._committer = Committer(asyncio.get_running_loop())
        if self._retention != FOR_EVER:
            self._sweeping = asyncio.create_task(self._sweep_for_ever(), name="asyncrr retention")

    def _open(self) -> str:
        make_directory(self.directory)
        file = open(os.path.join(self.directory, ".collector"), "a+b")  # noqa: SIM115, held as long as the store is
        try:
            _lock(file, self.directory)
            file.seek(0)
            collector_id = file.read(64).decode("ascii", "replace").strip()
            if not collector_id:
                collector_id = uuid.uuid4().hex
                file.write(collector_id.encode())
                file.flush()
            self._catalogue.open()
        except BaseException:
            file.close()
            raise
        self._lock_file = file
        return collector_id

    async def aclose(self) -> None:
        """Bring what was taken to the disk and let go. Sessions have ended before."""
        for timer in self._idle.values():
            timer.cancel()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])
        if self._committer is not None:
            await self.threads.run(self._close, self._committer)
            self.threads.stop()
            self._committer = None

    def _close(self, committer: Committer) -> None:
        committer.close(_CLOSE_SECONDS)
        for ledger in self._ledgers.values():
            ledger.close()
        self._catalogue.update(self._news())
        self._catalogue.close()
        if self._lock_file is not None:
            self._lock_file.close()

    # ---- ledgers

    async def acquire(self, header: RecordingHeader) -> Ledger:
        """The ledger of a writer, for one session more; give it back with :meth:`release`.

        Raises:
            OSError: Its segments cannot be read.
        """
        key = (header.recording_id, header.writer_id)
        while (removal := self._removals.get(header.recording_id)) is not None:
            await asyncio.shield(removal)
        ledger = self._ledgers.get(key)
        if ledger is None:
            opening = self._openings.get(key)
            if opening is None:
                opening = asyncio.ensure_future(self.threads.run(self._ledger_from_disk, header))
                self._openings[key] = opening
                opening.add_done_callback(lambda _: self._openings.pop(key, None))
            found = await asyncio.shield(opening)
            ledger = self._ledgers.setdefault(key, found)
        if (timer := self._idle.pop(ledger, None)) is not None:
            timer.cancel()
        self._users[ledger] = self._users.get(ledger, 0) + 1
        ledger.hold()
        ledger.on_synced = _nobody
        return ledger

    def release(self, ledger: Ledger) -> None:
        """A session is over."""
        self._users[ledger] -= 1
        if self._users[ledger]:
            return
        del self._users[ledger]
        loop = asyncio.get_running_loop()
        self._idle[ledger] = loop.call_later(self._idle_seconds, self._retire, ledger)
        if len(self._idle) > _MAX_IDLE:
            oldest = next(iter(self._idle))
            self._idle[oldest].cancel()
            self._retire(oldest)

    def submit(self, ledger: Ledger) -> None:
        """A ledger has something to do."""
        if self._committer is not None:
            self._committer.submit(ledger)

    def _retire(self, ledger: Ledger) -> None:
        """Have the file of a writer closed that has been away."""
        self._idle.pop(ledger, None)
        ledger.on_synced = partial(self._forget, ledger)
        ledger.let_go()
        self.submit(ledger)

    def _forget(self, ledger: Ledger, synced: Synced) -> None:
        """Drop a ledger once its file is closed."""
        if synced.is_closed and not synced.is_lost:
            self._ledgers.pop((ledger.header.recording_id, ledger.header.writer_id), None)
            self._catalogue.note(ledger.ended_facts())
        elif synced.is_lost:  # its file was not closed for that
            self.submit(ledger)

    def _ledger_from_disk(self, header: RecordingHeader) -> Ledger:
        directory = os.path.join(self.directory, directory_name(header.recording_id))
        make_directory(directory)
        durable, number, is_complete = 0, 0, False
        statics: dict[StaticKey, Place] = {}
        for path in segment_paths(directory, header.writer_id):
            number = int(path.rpartition("-")[2].removesuffix(".arrd"))
            facts = scan_segment(path)
            if facts is not None:
                durable, is_complete = max(durable, facts.last_sequence), facts.is_complete
                statics |= facts.statics
        receiver = DeliveryReceiver(durable, self.collector_id)
        return Ledger(header, directory, receiver, number + 1, statics, is_complete, self.memory, self._rotation)

    # ---- retention

    async def _sweep_for_ever(self) -> None:
        while True:
            with suppress(OSError):  # tried again the next time
                await self.sweep()
            await asyncio.sleep(self._sweep_seconds)

    async def sweep(self) -> list[str]:
        """Remove the recordings that retention does not keep; returns their ids.

        Raises:
            OSError: Files cannot be removed.
        """
        found = await self.recordings()
        in_use = {recording_id for recording_id, _ in [*self._ledgers, *self._openings]}
        directories = {
            each.recording_id: os.path.join(self.directory, directory_name(each.recording_id)) for each, _ in found
        }
        written = await self.threads.run(_last_writes, directories)
        kept = [
            Kept(
                each.recording_id,
                each.nbytes,
                written[each.recording_id],
                each.is_complete and each.recording_id not in in_use,
            )
            for each, _ in found
            if each.recording_id in written
        ]
        removed = to_remove(kept, self._retention, time.time())
        for recording_id in removed:
            await self._remove(recording_id, directories[recording_id])
        return removed

    async def _remove(self, recording_id: str, directory: str) -> None:
        if any(recording_id == used for used, _ in [*self._ledgers, *self._openings]):  # somebody came meanwhile
            return
        removal = self._removals[recording_id] = asyncio.get_running_loop().create_future()
        try:
            await self.threads.run(_remove_segments, directory)
            await self.threads.run(self._catalogue.forget, recording_id)
        finally:
            del self._removals[recording_id]
            removal.set_result(None)

    # ---- what there is

    async def recordings(self, recording_id: str | None = None) -> list[tuple[RecordingFacts, bool]]:
        """All recordings, the newest first, or the one asked for, and whether somebody is writing it now."""
        live = {ledger.header.recording_id for ledger in self._users}
        facts = self._news()

        def look() -> list[RecordingFacts]:
            self._catalogue.update(facts)
            return self._catalogue.recordings(recording_id)

        return [(each, each.recording_id in live) for each in await self.threads.run(look)]

    async def spans(self, recording_id: str) -> list[tuple[str, int]]:
        """The segments of a recording, each writer's in order, and how many bytes of each can be read."""
        facts = self._news()

        def look() -> list[tuple[str, int]]:
            self._catalogue.update(facts)
            return self._catalogue.spans(recording_id)

        return await self.threads.run(look)

    @property
    def trouble(self) -> OSError | None:
        """What stands in the way of writing now, if anything does."""
        return next((ledger.trouble for ledger in self._ledgers.values() if ledger.trouble is not None), None)

    def _news(self) -> list[SegmentFacts]:
        """The segments that are being written; the catalogue is told of those that were ended."""
        current = []
        for ledger in self._ledgers.values():
            self._catalogue.note(ledger.ended_facts())
            if (facts := ledger.facts) is not None:
                current.append(facts)
        return current


def _last_writes(directories: dict[str, str]) -> dict[str, float]:
    """When each directory's last segment was written; those that are gone are left out."""
    found = {}
    for recording_id, directory in directories.items():
        with suppress(FileNotFoundError, ValueError):
            found[recording_id] = max(os.stat(path).st_mtime for path in segment_paths(directory))
    return found


def _remove_segments(directory: str) -> None:
    """The last segments go last: should this be interrupted, they tell that the recording was complete."""
    for path in segment_paths(directory):
        os.unlink(path)
    with suppress(OSError):  # others put something there
        os.rmdir(directory)


def _nobody(synced: Synced) -> None:
    """The session that acquired the ledger is not listening yet."""


def _lock(file: IO[bytes], directory: str) -> None:
    """Take the directory for this collector alone."""
    try:
        lock_file(file.fileno())
    except OSError:
        raise UsageError(f"another collector uses {directory}: choose another directory") from None
