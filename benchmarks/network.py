"""To another process: scalars and pictures to a collector, beside rerun's gRPC server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import asyncrr as rr
from benchmarks.measure import Contender, Figures, workload

_SECONDS = 60.0


@contextlib.contextmanager
def _collector(directory: Path) -> Iterator[str]:
    """A collector in a process of its own, as ``asyncrr serve`` starts it."""
    command = [sys.executable, "-m", "asyncrr", "serve", "--dir", str(directory), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()


def _serve_rerun(port: int, ready: Any) -> None:
    import rerun

    recording = rerun.RecordingStream("benchmark")  # its server ends with it
    recording.serve_grpc(grpc_port=port, server_memory_limit="512MB")
    ready.set()
    time.sleep(10 * _SECONDS)


@contextlib.contextmanager
def _rerun_server(_: Path) -> Iterator[str]:
    """rerun's server, which keeps what it gets in memory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_serve_rerun, args=(port, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(_SECONDS), "rerun's server does not start"
        yield f"rerun+http://127.0.0.1:{port}/proxy"
    finally:
        process.kill()
        process.join()


def _values(kind: str, module: Any) -> Any:
    """Makes the value of each call."""
    if kind == "scalars":
        return lambda i: module.Scalars(i * 0.5)
    picture = np.random.default_rng(7).integers(0, 255, (1080, 1920, 3), np.uint8)
    return lambda _: module.Image(picture)


def _send_asyncrr(url: str, kind: str, path: str, calls: int, barrier: Any) -> None:
    async def main() -> None:
        value = _values(kind, rr)
        recording = rr.new_recording("benchmark", recording_id="benchmark")
        async with recording:
            await recording.connect(url)
            await asyncio.to_thread(barrier.wait)
            for i in range(calls):
                rr.set_time("step", sequence=i)
                await recording.log(path, value(i))
            await recording.flush(_SECONDS)
            await asyncio.to_thread(barrier.wait)
            assert not recording.stats().dropped, recording.stats()

    asyncio.run(main())


def _send_rerun(url: str, kind: str, path: str, calls: int, barrier: Any) -> None:
    import rerun

    value = _values(kind, rerun)
    recording = rerun.RecordingStream("benchmark", recording_id="benchmark")
    recording.connect_grpc(url)
    barrier.wait()
    for i in range(calls):
        recording.set_time("step", sequence=i)
        recording.log(path, value(i))
    recording.flush(timeout_sec=_SECONDS)
    barrier.wait()


_SERVERS = {"asyncrr": (_collector, _send_asyncrr), "rerun": (_rerun_server, _send_rerun)}


def _contender(client: str, kind: str, process_count: int) -> Contender:
    """Processes that send at once, until each one's flush returns: for asyncrr, acknowledged from disk."""
    serve, send = _SERVERS[client]

    def run(path: Path, calls: int) -> Figures:
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(process_count + 1, timeout=_SECONDS)
        share = calls // process_count
        with serve(path.with_suffix(".store")) as url:
            processes = [
                context.Process(target=send, args=(url, kind, f"process_{number}", share, barrier), daemon=True)
                for number in range(process_count)
            ]
            for process in processes:
                process.start()
            barrier.wait()
            start = time.perf_counter()
            barrier.wait()
            seconds = time.perf_counter() - start
            for process in processes:
                process.join()
        return {"rows/s": share * process_count / seconds}

    return run


def _synced(path: Path, calls: int) -> Figures:
    """The floor on this disk: write and fdatasync of each picture's bytes."""
    data = os.urandom(1080 * 1920 * 3)
    start = time.perf_counter()
    with open(path, "wb", buffering=0) as file:
        for _ in range(calls):
            file.write(data)
            os.fdatasync(file.fileno())
    return {"rows/s": calls / (time.perf_counter() - start)}


workload(
    "collector", "scalars from 8 processes to one server", 400_000, 8_000,
    asyncrr=_contender("asyncrr", "scalars", 8), rerun=_contender("rerun", "scalars", 8),
)  # fmt: skip
workload(
    "collector_1", "scalars from 1 process to a server", 200_000, 2_000,
    asyncrr=_contender("asyncrr", "scalars", 1), rerun=_contender("rerun", "scalars", 1),
)  # fmt: skip
workload(
    "collector_1080p", "1920x1080x3 pictures to a server", 150, 6,
    asyncrr=_contender("asyncrr", "pictures", 1), rerun=_contender("rerun", "pictures", 1), synced=_synced,
)  # fmt: skip
