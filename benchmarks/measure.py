"""The clock: what one round of one contender gives, and the registry of workloads."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["HIGHER_IS_BETTER", "WORKLOADS", "Contender", "Figures", "Stopwatch", "Workload", "isolated", "workload"]

Figures: TypeAlias = "dict[str, float]"
"""By unit, what a round gave."""

Contender: TypeAlias = "Callable[[Path, int], Figures]"
"""Runs once: writes to the path, a number of calls."""

HIGHER_IS_BETTER = {"calls/s", "rows/s", "MB/s"}


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing to be done by several contenders.

    Attributes:
        name: As for ``--only``.
        title: What is done, for the table.
        calls: How often, in a full run.
        quick_calls: How often with ``--quick``.
        contenders: By name; the first is asyncrr.
    """

    name: str
    title: str
    calls: int
    quick_calls: int
    contenders: dict[str, Contender]


WORKLOADS: dict[str, Workload] = {}
"""By name, all there are."""


def workload(name: str, title: str, calls: int, quick_calls: int, **contenders: Contender) -> None:
    """Register a workload."""
    WORKLOADS[name] = Workload(name, title, calls, quick_calls, contenders)


class Stopwatch:
    """Times the calls of a round, and all until the data is on disk.

    Args:
        per_call_rows: Rows that one call logs.
    """

    def __init__(self, per_call_rows: int = 1) -> None:
        self._rows = per_call_rows
        self._cpu = time.process_time()
        self._start = self._returned = time.perf_counter()

    def returned(self) -> None:
        """The last call has returned, and was awaited."""
        self._returned = time.perf_counter()

    def figures(self, calls: int, path: Path | None = None) -> Figures:
        """What was measured; call it when the file is closed."""
        seconds = time.perf_counter() - self._start
        cpu = time.process_time() - self._cpu
        rows = calls * self._rows
        measured = {
            "ns/call": (self._returned - self._start) / calls * 1e9,
            "rows/s": rows / seconds,
            "CPU s/M rows": cpu / rows * 1e6,
        }
        if path is not None:
            size = path.stat().st_size
            measured |= {"bytes/row": size / rows, "MB/s": size / seconds / 1e6}
        return measured


def isolated(run: Callable[..., Figures], *arguments: Any) -> Figures:
    """Run in a fresh interpreter, so that nothing of an earlier round is measured."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, arguments)


def resident_bytes() -> int:
    """What this process holds in memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
