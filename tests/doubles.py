"""Sinks that hold, break or fall behind on command, and what tests ask of every recording."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import asyncrr as rr
from asyncrr.outbox import Outbox

TAKE_BYTES = 1024


class HeldSink:
    """Opens unless told otherwise, and takes nothing until it is released."""

    def __init__(self, name: str = "held", opens: bool = True) -> None:
        self.name = name
        self.opens = opens
        self.outbox: Outbox | None = None
        self.is_released = False
        self.sequences: list[int] = []

    def attach(self, outbox: Outbox) -> None:
        self.outbox = outbox
        if self.opens:
            outbox.opened()

    def wake(self) -> None:
        outbox = self.outbox
        assert outbox is not None
        while self.is_released and (frames := outbox.take(TAKE_BYTES)):
            self.sequences += [frame.sequence for frame in frames]
            outbox.delivered(frames[-1].sequence)
        if outbox.is_closing and outbox.is_empty and not outbox.is_closed:
            outbox.closed()

    def release(self) -> None:
        self.is_released = True
        self.wake()

    def finish(self, timeout: float) -> None:
        """Lets go of what it has not taken."""

    def forget(self) -> HeldSink:
        return HeldSink(self.name)


def new_recording(**more: Any) -> rr.RecordingStream:
    """A recording of its own id."""
    return rr.new_recording("tests", recording_id=uuid.uuid4(), **more)


def balances(recording: rr.RecordingStream) -> bool:
    """Whether every row and byte is in exactly one place, for the recording and each sink."""
    stats = recording.stats()
    each = [stats, *stats.sinks]
    rows = all(stats.logged == one.queued + one.in_flight + one.delivered + sum(one.dropped.values()) for one in each)
    sizes = all(
        stats.logged_bytes
        == one.queued_bytes + one.in_flight_bytes + one.delivered_bytes + sum(one.dropped_bytes.values())
        for one in each
    )
    return rows and sizes


def scalars(source: Any, path: str = "x") -> list[float]:
    """The scalars there, each row's in turn."""
    return [float(np.asarray(row.components["Scalars:scalars"])[0]) for row in rr.read_recording(source).rows(path)]


def check_complete(path: Path, values: list[float]) -> None:
    """A file has its trailer, no damage, and exactly these rows."""
    data = rr.read_recording(path)
    assert data.is_complete
    assert data.damage == []
    assert scalars(path) == values


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until something holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)
