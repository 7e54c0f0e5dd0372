"""How each client is opened on a file, driven, and closed; what is not installed is said, not failed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncrr as rr
from benchmarks.measure import Contender, Figures, Stopwatch

__all__ = [
    "DISTRIBUTIONS",
    "asyncrr_file",
    "asyncrr_zstd",
    "available",
    "foxglove_file",
    "raw_file",
    "rerun_file",
    "versions",
]

DISTRIBUTIONS = ("asyncrr", "rerun-sdk", "foxglove-sdk", "mcap", "structlog", "loguru", "numpy")
_MODULES = {name: name for name in ("rerun", "foxglove", "mcap", "structlog", "loguru")}


def versions() -> dict[str, str]:
    """Of every package that is compared; ``missing`` where it is not installed."""
    found = {"asyncrr": rr.__version__}
    for name in DISTRIBUTIONS[1:]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def available(contender: str) -> bool:
    """Whether the package of this contender is installed."""
    module = _MODULES.get(contender.split("_")[0])
    return module is None or find_spec(module) is not None


def asyncrr_file(log: Callable[[rr.RecordingStream, int], Awaitable[None]], rows: int = 1) -> Contender:
    """asyncrr to a file; ``log`` makes the calls."""

    async def run(path: Path, calls: int) -> Figures:
        recording = rr.new_recording("benchmark", recording_id=os.urandom(8).hex())
        async with recording:
            await recording.save(path)
            watch = Stopwatch(rows)
            await log(recording, calls)
            watch.returned()
        assert not recording.stats().dropped, recording.stats()
        return watch.figures(calls, path)

    return lambda path, calls: asyncio.run(run(path, calls))


def asyncrr_zstd(log: Callable[[rr.RecordingStream, int], Awaitable[None]], rows: int = 1) -> Contender:
    """What is left on disk of the same rows after ``asyncrr compact --zstd 3``."""

    def run(path: Path, calls: int) -> Figures:
        asyncrr_file(log, rows)(path, calls)
        small = path.with_suffix(".zstd.arrd")
        subprocess.run(
            [sys.executable, "-m", "asyncrr", "compact", path, "--zstd", "3", "-o", small],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return {"bytes/row": small.stat().st_size / (calls * rows)}

    return run


def rerun_file(log: Callable[[Any, Any, int], None], rows: int = 1) -> Contender:
    """rerun-sdk to a file; ``log`` gets the module, the recording and the number of calls."""

    def run(path: Path, calls: int) -> Figures:
        import rerun

        recording = rerun.RecordingStream("benchmark", recording_id=os.urandom(8).hex())
        recording.save(path)
        watch = Stopwatch(rows)
        log(rerun, recording, calls)
        watch.returned()
        recording.flush()
        recording.disconnect()
        return watch.figures(calls, path)

    return run


def foxglove_file(log: Callable[[Any, Any, int], None], rows: int = 1) -> Contender:
    """foxglove-sdk to an MCAP file; ``log`` gets the module, a context for channels and the number of calls."""

    def run(path: Path, calls: int) -> Figures:
        import foxglove

        context = foxglove.Context()
        writer = foxglove.open_mcap(path, context=context)
        watch = Stopwatch(rows)
        log(foxglove, context, calls)
        watch.returned()
        writer.close()
        return watch.figures(calls, path)

    return run


def raw_file(payload: Callable[[], bytes | memoryview], rows: int = 1) -> Contender:
    """The floor: ``write`` of the same payload, and nothing else."""

    def run(path: Path, calls: int) -> Figures:
        data = payload()
        watch = Stopwatch(rows)
        with open(path, "wb", buffering=0) as file:
            for _ in range(calls):
                file.write(data)
            watch.returned()
        return watch.figures(calls, path)

    return run
