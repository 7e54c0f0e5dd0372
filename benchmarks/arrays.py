"""Big values: pictures, point clouds, columns of a million rows, and reading those back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import asyncrr as rr
from benchmarks.measure import Contender, Figures, workload
from benchmarks.peers import asyncrr_file, foxglove_file, raw_file, rerun_file

_MILLION = 10**6
_RANDOM = np.random.default_rng(7)


def _picture(height: int, width: int) -> np.ndarray[Any, Any]:
    return _RANDOM.integers(0, 255, (height, width, 3), np.uint8)


def _log_pictures(height: int, width: int) -> dict[str, Contender]:
    picture = _picture(height, width)

    async def log(rec: rr.RecordingStream, calls: int) -> None:
        for i in range(calls):
            rr.set_time("frame", sequence=i)
            await rec.log("camera", rr.Image(picture))

    def log_rerun(rerun: Any, rec: Any, calls: int) -> None:
        for i in range(calls):
            rec.set_time("frame", sequence=i)
            rec.log("camera", rerun.Image(picture))

    def log_foxglove(foxglove: Any, context: Any, calls: int) -> None:
        channel = foxglove.channels.RawImageChannel("camera", context=context)
        message = foxglove.messages.RawImage
        for i in range(calls):
            data = picture.tobytes()
            image = message(width=width, height=height, encoding="rgb8", step=3 * width, data=data)
            channel.log(image, log_time=i)

    return {
        "asyncrr": asyncrr_file(log),
        "rerun": rerun_file(log_rerun),
        "foxglove": foxglove_file(log_foxglove),
        "raw": raw_file(picture.tobytes),
    }


def _log_points() -> dict[str, Contender]:
    points = _RANDOM.random((100_000, 3)).astype(np.float32)

    async def log(rec: rr.RecordingStream, calls: int) -> None:
        for i in range(calls):
            rr.set_time("frame", sequence=i)
            await rec.log("lidar", rr.Points3D(points))

    def log_rerun(rerun: Any, rec: Any, calls: int) -> None:
        for i in range(calls):
            rec.set_time("frame", sequence=i)
            rec.log("lidar", rerun.Points3D(points))

    return {"asyncrr": asyncrr_file(log), "rerun": rerun_file(log_rerun), "raw": raw_file(points.tobytes)}


def _send_columns() -> dict[str, Contender]:
    steps, values = np.arange(_MILLION), _RANDOM.random(_MILLION)

    async def send(rec: rr.RecordingStream, calls: int) -> None:
        for _ in range(calls):
            await rec.send_columns(
                "sensor", [rr.TimeColumn("step", sequence=steps)], rr.Scalars.columns(scalars=values)
            )

    def send_rerun(rerun: Any, rec: Any, calls: int) -> None:
        for _ in range(calls):
            rec.send_columns(
                "sensor", [rerun.TimeColumn("step", sequence=steps)], rerun.Scalars.columns(scalars=values)
            )

    return {
        "asyncrr": asyncrr_file(send, _MILLION),
        "rerun": rerun_file(send_rerun, _MILLION),
        "raw": raw_file(lambda: steps.tobytes() + values.tobytes(), _MILLION),
    }


def _read(path: Path, calls: int) -> Figures:
    """Write scalars row by row, then open the file and take one column; open it anew and ask what held half-way."""

    async def log(rec: rr.RecordingStream, rows: int) -> None:
        for i in range(rows):
            rr.set_time("step", sequence=i)
            await rec.log("sensor", rr.Scalars(i * 0.5))

    asyncrr_file(log)(path, calls)
    start = time.perf_counter()
    data = rr.read_recording(path)
    opened = time.perf_counter()
    column = data.column("sensor", "Scalars:scalars", "step")
    seconds = time.perf_counter() - opened
    assert len(column.values) == calls
    start_latest = time.perf_counter()
    state = rr.read_recording(path).latest_at("step", calls // 2)
    latest = time.perf_counter() - start_latest
    assert state["sensor"]["Scalars:scalars"] == [(calls // 2) * 0.5]
    return {"rows/s": calls / seconds, "ms to open": (opened - start) * 1e3, "ms to open and latest-at": latest * 1e3}


def _read_rerun(path: Path, calls: int) -> Figures:
    """The same with rerun's reader."""
    import rerun

    def log(rerun: Any, rec: Any, rows: int) -> None:
        rec.send_columns(
            "sensor",
            [rerun.TimeColumn("step", sequence=np.arange(rows))],
            rerun.Scalars.columns(scalars=np.arange(rows) * 0.5),
        )

    rerun_file(log)(path, calls)
    with rerun.server.Server(datasets={"benchmark": [path]}) as server:
        dataset = server.client().get_dataset("benchmark")
        start = time.perf_counter()
        table = dataset.reader(index="step").to_arrow_table()
        seconds = time.perf_counter() - start
    assert table.num_rows == calls
    return {"rows/s": calls / seconds}


workload("picture_480p", "picture 640x480x3", 300, 10, **_log_pictures(480, 640))
workload("picture_1080p", "picture 1920x1080x3", 100, 3, **_log_pictures(1080, 1920))
workload("points", "100,000 points", 300, 10, **_log_points())
workload("columns", "send_columns of 1,000,000 scalars", 5, 1, **_send_columns())
workload("read", "read a column of scalars back", _MILLION, 10_000, asyncrr=_read, rerun=_read_rerun)
