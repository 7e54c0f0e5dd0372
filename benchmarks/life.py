"""Opening and closing, importing, and whether cost stays flat as things grow."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import asyncrr as rr
from benchmarks.measure import Contender, Figures, workload
from benchmarks.peers import asyncrr_file


def _open_close(path: Path, calls: int) -> Figures:
    async def main() -> float:
        start = time.perf_counter()
        for number in range(calls):
            recording = rr.new_recording("benchmark", recording_id=os.urandom(8).hex())
            async with recording:
                await recording.save(f"{path}-{number}")
                await recording.log("a", rr.Scalars(0.5))
        return time.perf_counter() - start

    return {"us/recording": asyncio.run(main()) / calls * 1e6}


def _open_close_rerun(path: Path, calls: int) -> Figures:
    import rerun

    start = time.perf_counter()
    for number in range(calls):
        recording = rerun.RecordingStream("benchmark", recording_id=os.urandom(8).hex())
        recording.save(f"{path}-{number}")
        recording.log("a", rerun.Scalars(0.5))
        recording.flush()
        recording.disconnect()
    return {"us/recording": (time.perf_counter() - start) / calls * 1e6}


def _many_recordings(count: int) -> Contender:
    """So many recordings open at once, each with one row; sinks are in memory, so that no file limit is met."""

    def run(path: Path, calls: int) -> Figures:
        async def main() -> float:
            start = time.perf_counter()
            recordings = []
            for number in range(min(count, calls)):
                recording = rr.new_recording("benchmark", recording_id=f"r{number}")
                await recording.start()
                recording.memory_recording()
                await recording.log("a", rr.Scalars(0.5))
                recordings.append(recording)
            for recording in recordings:
                await recording.aclose()
            return (time.perf_counter() - start) / len(recordings)

        return {"us/recording": asyncio.run(main()) * 1e6}

    return run


def _import(statement: str) -> Contender:
    """In a fresh interpreter, beyond a bare one."""

    def run(path: Path, calls: int) -> Figures:
        def seconds(code: str) -> float:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            return time.perf_counter() - start

        return {"ms": min(seconds(statement) - seconds("pass") for _ in range(calls)) * 1e3}

    return run


def _rows(count: int, entities: int) -> Contender:
    """So many rows, over so many entities."""
    paths = [f"entity/{number}" for number in range(entities)]

    async def log(rec: rr.RecordingStream, calls: int) -> None:
        for i in range(calls):
            rr.set_time("step", sequence=i)
            await rec.log(paths[i % entities], rr.Scalars(0.5))

    to_file = asyncrr_file(log)

    def run(path: Path, calls: int) -> Figures:
        figures = to_file(path, min(count, calls))
        return {name: figures[name] for name in ("ns/call", "CPU s/M rows", "bytes/row")}

    return run


workload(
    "open_close", "recording opened, one row, closed", 200, 10,
    asyncrr=_open_close, rerun=_open_close_rerun,
)  # fmt: skip
workload(
    "import", "import, beyond a bare interpreter", 5, 1,
    asyncrr=_import("import asyncrr"), numpy_asyncio=_import("import numpy, asyncio"), rerun=_import("import rerun"),
)  # fmt: skip
workload(
    "growth_rows", "10^3 to 10^6 rows", 10**6, 10**4,
    asyncrr=_rows(10**6, 1), rows_100_000=_rows(10**5, 1), rows_10_000=_rows(10**4, 1), rows_1_000=_rows(10**3, 1),
)  # fmt: skip
workload(
    "growth_entities", "1 to 10,000 entities", 200_000, 10**4,
    asyncrr=_rows(10**6, 10_000), entities_1_000=_rows(10**6, 1_000), entities_100=_rows(10**6, 100),
    entities_1=_rows(10**6, 1),
)  # fmt: skip
workload(
    "growth_recordings", "1 to 10,000 recordings at once", 10_000, 100,
    asyncrr=_many_recordings(10_000), recordings_1_000=_many_recordings(1_000), recordings_100=_many_recordings(100),
    recordings_1=_many_recordings(1),
)  # fmt: skip
