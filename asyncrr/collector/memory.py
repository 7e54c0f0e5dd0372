"""Memory: how much of what clients send a collector holds, of all together and of each."""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["Memory", "Reader"]

_BYTES = 12 * 2**20
_PATIENCE_SECONDS = 1.0


class Reader(Protocol):
    """A connection that bytes come by."""

    @property
    def incomplete_bytes(self) -> int:
        """Of a message whose end has not come."""
        ...

    def hold_up(self) -> None:
        """Read no more for now."""
        ...

    def go_on(self) -> None:
        """Read again."""
        ...

    def cut(self) -> None:
        """Let go of the connection and of what came by it."""
        ...


class Memory:
    """What connections have received and ledgers have not yet written.

    Beyond `nbytes` memory is *tight*: each reader and ledger has its share, and those that hold more than that wait.
    Beyond half as much again it is *full*: no reader goes on. Disks make room again; where that takes a second and much
    of it is messages that do not end, the connections of the greatest are cut.

    Everything is called on the loop.

    Attributes:
        held: Bytes.
        index_bytes: Of the indexes of segments that are being written.
    """

    def __init__(self, nbytes: int = _BYTES, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """
        Args:
            nbytes: When it is tight.
            patience_seconds: How long it may be tight without a pause before connections are cut.
        """
        self.held: int = 0
        self.index_bytes: int = 0
        self._nbytes = nbytes
        self._patience_seconds = patience_seconds
        self._readers: dict[Reader, None] = {}
        self._held_up: dict[Reader, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_tight(self) -> bool:
        """Whether nobody should hold more than a share."""
        return self.held >= self._nbytes

    @property
    def is_full(self) -> bool:
        """Whether nobody should hold any more."""
        return self.held >= self._nbytes + self._nbytes // 2

    @property
    def share(self) -> int:
        """What each may hold while it is tight, in bytes."""
        return self._nbytes // (1 + len(self._readers))

    def enter(self, reader: Reader) -> None:
        """A connection begins."""
        self._readers[reader] = None

    def leave(self, reader: Reader) -> None:
        """A connection is over; what it held was given back."""
        self._readers.pop(reader, None)
        self._held_up.pop(reader, None)

    def hold_up(self, reader: Reader) -> None:
        """Have a connection wait until memory is not tight any more."""
        if reader in self._readers and reader not in self._held_up:
            self._held_up[reader] = None
            reader.hold_up()

    def add(self, nbytes: int) -> None:
        """So much more is held; less, where it is negative."""
        self.held += nbytes
        if not self.is_tight:
            self._ease()
            return
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience_seconds, self._make_room)
        if self.is_full:
            for reader in self._readers:
                self.hold_up(reader)

    def _ease(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held_up:
            held_up, self._held_up = self._held_up, {}
            for reader in held_up:
                reader.go_on()

    def _make_room(self) -> None:
        """Cut connections whose messages do not end."""
        self._timer = None
        incomplete = sum(reader.incomplete_bytes for reader in self._readers)
        for reader in sorted(self._readers, key=lambda reader: reader.incomplete_bytes, reverse=True):
            if not self.is_tight or incomplete < self._nbytes // 4:
                break
            incomplete -= reader.incomplete_bytes
            reader.cut()
        if self.is_tight:
            self.add(0)
