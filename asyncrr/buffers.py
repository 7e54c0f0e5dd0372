"""Warm memory for the copies of big arrays: fresh pages cost more than the copy itself."""

from __future__ import annotations

import threading
from typing import Any, TypeAlias

import numpy as np

__all__ = ["POOLED_BYTES", "snapshot_of"]

Array: TypeAlias = "np.ndarray[Any, Any]"

POOLED_BYTES = 64 * 1024
"""Arrays from this size on are copied into pooled memory."""

_GRAIN = 64 * 1024
_KEPT_BYTES = 16 * 2**20


class _Pool:
    """Blocks that nobody uses at the moment, the latest used first."""

    def __init__(self) -> None:
        self._blocks: list[bytearray] = []
        self._held = 0
        self._lock = threading.RLock()  # a finaliser may give a block back while its thread is in here

    def take(self, nbytes: int) -> bytearray:
        size = -(-nbytes // _GRAIN) * _GRAIN
        with self._lock:
            for place in range(len(self._blocks) - 1, -1, -1):
                if len(self._blocks[place]) == size:
                    self._held -= size
                    return self._blocks.pop(place)
        return bytearray(size)

    def give(self, block: bytearray) -> None:
        with self._lock:
            self._blocks.append(block)
            self._held += len(block)
            while self._held > _KEPT_BYTES:
                self._held -= len(self._blocks.pop(0))


_pool = _Pool()


class _Loan(np.ndarray[Any, Any]):
    """A block that goes back to the pool when the last view of it is gone.

    Plain arrays that look into it keep it alive: numpy looks for the owner through arrays of their own class only.
    """

    def __del__(self, give: Any = _pool.give) -> None:
        if isinstance(self.base, bytearray):
            give(self.base)


def snapshot_of(values: Array) -> Array:
    """A read-only copy of an array, in warm memory if it is big."""
    if values.nbytes < POOLED_BYTES or values.dtype.hasobject:
        copy = values.copy()
    else:
        block = _pool.take(values.nbytes)
        copy = np.ndarray(values.shape, values.dtype, _Loan(len(block), np.uint8, block))
        np.copyto(copy, values)
    copy.flags.writeable = False
    return copy
