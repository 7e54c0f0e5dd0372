"""When rows that were logged are due to be flushed: by time, bytes or rows, whichever comes first."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from asyncrr.errors import RecordingWarning, UsageError

__all__ = ["ROW_BYTES", "BatchingConfig", "size_of"]

ROW_BYTES = 32
"""What a row counts for at least: its number, its log time, one more time and one scalar, 8 bytes each."""

N = TypeVar("N", int, float)

_SUFFIXES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_MAX_ROWS = 2**64 - 1


class _Limits(NamedTuple):
    flush_tick: float
    flush_num_bytes: int
    flush_num_rows: int


class BatchingConfig(_Limits):
    """When a batch is due.

    Attributes:
        flush_tick: Seconds that the oldest row waits at most (default 0.05).
        flush_num_bytes: A batch of so many bytes is due (default 1 MiB).
        flush_num_rows: A batch of so many rows is due (default 2**64-1: never by rows).
    """

    __slots__ = ()

    def __new__(
        cls, flush_tick: float = 0.05, flush_num_bytes: int = 2**20, flush_num_rows: int = _MAX_ROWS
    ) -> BatchingConfig:
        if not flush_tick >= 0:
            raise UsageError(f"flush_tick={flush_tick!r}: give seconds, 0 or more")
        if flush_num_bytes < 0:
            raise UsageError(f"flush_num_bytes={flush_num_bytes!r}: give bytes, 0 or more")
        if flush_num_rows < 0:
            raise UsageError(f"flush_num_rows={flush_num_rows!r}: give a number of rows, 0 or more")
        return super().__new__(cls, flush_tick, flush_num_bytes, flush_num_rows)

    @property
    def batch_units(self) -> int:
        """A batch is due after so many rows of ``ROW_BYTES``, at least one."""
        return max(1, min(self.flush_num_bytes // ROW_BYTES, self.flush_num_rows))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> BatchingConfig:
        """Read ``ASYNCRR_FLUSH_*``, and ``RERUN_FLUSH_*`` where that is unset.

        A value that cannot be read gives one warning and the default.

        Args:
            environment: Usually ``os.environ``.
        """
        return cls(
            _read(environment, "FLUSH_TICK_SECS", _seconds, 0.05),
            _read(environment, "FLUSH_NUM_BYTES", size_of, 2**20),
            _read(environment, "FLUSH_NUM_ROWS", _count, _MAX_ROWS),
        )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError
    return value


def size_of(text: str) -> int:
    """A number of bytes, such as ``1000``, ``10MB`` or ``1MiB``.

    Raises:
        ValueError: It is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in _SUFFIXES:
        raise ValueError
    return int(float(match[1]) * _SUFFIXES[match[2]]) if "." in match[1] else int(match[1]) * _SUFFIXES[match[2]]


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= _MAX_ROWS:
        raise ValueError
    return value


def _read(environment: Mapping[str, str], name: str, parse: Callable[[str], N], default: N) -> N:
    for variable in (f"ASYNCRR_{name}", f"RERUN_{name}"):
        text = environment.get(variable)
        if text is None:
            continue
        try:
            return parse(text)
        except ValueError:
            warnings.warn(f"{variable}={text!r} cannot be read; {default} is used", RecordingWarning, stacklevel=4)
            return default
    return default
