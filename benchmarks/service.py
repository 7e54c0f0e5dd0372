"""In a service: the lag of the loop, a consumer that stands still."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import asyncrr as rr
from benchmarks.measure import Contender, Figures, isolated, resident_bytes, workload

_BEAT = 0.001


async def _lag(seconds: float, act: Callable[[int], Any], per_second: int, burst: int) -> Figures:
    """How late a heartbeat of 1 ms comes while something is logged `per_second` times, `burst` at once."""
    lags: list[float] = []
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def beat() -> None:
        while (due := loop.time() + _BEAT) < end:
            await asyncio.sleep(_BEAT)
            lags.append(loop.time() - due)

    async def log() -> None:
        start, done = loop.time(), 0
        while loop.time() < end:
            for _ in range(burst):
                act(done)
                done += 1
            await asyncio.sleep(max(0.0, start + done / per_second - loop.time()))

    await asyncio.gather(beat(), log())
    return {"p99 ms": float(np.percentile(lags, 99)) * 1e3, "max ms": max(lags) * 1e3}


def _lag_of(client: str, path: str, seconds: float, kind: str) -> Figures:
    picture = np.zeros((1080, 1920, 3), np.uint8)
    per_second, burst = (20_000, 20) if kind == "scalars" else (30, 1)

    async def main() -> Figures:
        if client == "idle":
            return await _lag(seconds, lambda _: None, per_second, burst)
        if client == "rerun":
            import rerun

            module: Any = rerun
            recording: Any = rerun.RecordingStream("benchmark")
            recording.save(path)
        else:
            module = rr
            recording = rr.new_recording("benchmark")
            await recording.start()
            await recording.save(path)

        def act(i: int) -> None:
            recording.set_time("step", sequence=i)
            recording.log("a", module.Scalars(0.5) if kind == "scalars" else module.Image(picture))

        try:
            await _lag(min(0.5, seconds), act, per_second, burst)  # warm up
            return await _lag(seconds, act, per_second, burst)
        finally:
            if client == "asyncrr":
                await recording.aclose()

    return asyncio.run(main())


def _lag_contender(client: str, kind: str) -> Contender:
    return lambda path, calls: isolated(_lag_of, client, str(path), calls / 10, kind)


def _stopped(bound: int, calls: int) -> Figures:
    """Pictures into a pipe that nobody reads: memory beyond the queue's bound."""
    reader, writer = os.pipe()
    pictures = [np.full((1080, 1920, 3), value, np.uint8) for value in range(2)]

    async def main() -> Figures:
        recording = rr.new_recording("benchmark", on_full="drop_oldest", max_queue_bytes=bound)
        await recording.start()
        with os.fdopen(writer, "wb", buffering=0) as stream:
            recording.set_sinks(rr.StreamSink(stream))
            before = peak = resident_bytes()
            for number in range(calls):
                await recording.log("camera", rr.Image(pictures[number % 2]))
                await asyncio.sleep(0)
                peak = max(peak, resident_bytes())
            threading.Thread(target=_swallow, args=(reader,), daemon=True).start()
            await recording.aclose()
        return {"MB held": (peak - before) / 2**20, "MB over its bound": (peak - before - bound) / 2**20}

    return asyncio.run(main())


def _swallow(descriptor: int) -> None:
    while os.read(descriptor, 2**20):
        pass


for _kind, _title in (("scalars", "20,000 scalars/s"), ("pictures", "30 full-HD pictures/s")):
    workload(
        f"lag_{_kind}", f"lag of the event loop, {_title}", 30, 5,
        asyncrr=_lag_contender("asyncrr", _kind), idle=_lag_contender("idle", _kind),
        rerun=_lag_contender("rerun", _kind),
    )  # fmt: skip
workload(
    "stopped", "memory while nobody reads, bound 64 MiB", 100, 15,
    asyncrr=lambda path, calls: isolated(_stopped, 64 * 2**20, calls),
)  # fmt: skip
