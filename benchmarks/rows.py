"""Small rows: scalars, text, mappings."""

from __future__ import annotations

import asyncio
import logging
import struct
from pathlib import Path
from typing import Any

import asyncrr as rr
from benchmarks.measure import Figures, Stopwatch, workload
from benchmarks.peers import asyncrr_file, foxglove_file, raw_file, rerun_file

_PATHS = [f"robot/joint_{number}/torque" for number in range(100)]
_TEXT = "request 4711 took 12 ms and returned 200"


async def _scalar(rec: rr.RecordingStream, calls: int) -> None:
    for i in range(calls):
        rr.set_time("step", sequence=i)
        await rec.log("train/loss", rr.Scalars(i * 0.5))


def _scalar_rerun(rerun: Any, rec: Any, calls: int) -> None:
    for i in range(calls):
        rec.set_time("step", sequence=i)
        rec.log("train/loss", rerun.Scalars(i * 0.5))


def _scalar_foxglove(foxglove: Any, context: Any, calls: int) -> None:
    schema = foxglove.Schema(name="f64", encoding="ros2msg", data=b"float64 value")
    channel = foxglove.Channel("train/loss", schema=schema, message_encoding="cdr", context=context)
    pack = struct.Struct("<Id").pack
    for i in range(calls):
        channel.log(pack(256, i * 0.5), log_time=i)


async def _entities(rec: rr.RecordingStream, calls: int) -> None:
    for i in range(calls):
        rr.set_time("step", sequence=i)
        await rec.log(_PATHS[i % 100], rr.Scalars(i * 0.5))


def _entities_rerun(rerun: Any, rec: Any, calls: int) -> None:
    for i in range(calls):
        rec.set_time("step", sequence=i)
        rec.log(_PATHS[i % 100], rerun.Scalars(i * 0.5))


async def _bound(rec: rr.RecordingStream, calls: int) -> None:
    loss = rec.entity("train/loss", rr.Scalars)
    for i in range(calls):
        await loss(i * 0.5, step=i)


async def _text(rec: rr.RecordingStream, calls: int) -> None:
    for i in range(calls):
        rr.set_time("step", sequence=i)
        await rec.log("service/log", rr.TextLog(_TEXT, level="INFO"))


def _text_rerun(rerun: Any, rec: Any, calls: int) -> None:
    for i in range(calls):
        rec.set_time("step", sequence=i)
        rec.log("service/log", rerun.TextLog(_TEXT, level="INFO"))


def _text_foxglove(foxglove: Any, context: Any, calls: int) -> None:
    channel = foxglove.channels.LogChannel("service/log", context=context)
    level = foxglove.messages.LogLevel.Info
    for i in range(calls):
        channel.log(foxglove.messages.Log(level=level, message=_TEXT), log_time=i)


def _text_logging(path: Path, calls: int) -> Figures:
    logger = logging.getLogger("benchmark")
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    watch = Stopwatch()
    for _ in range(calls):
        logger.info(_TEXT)
    watch.returned()
    logger.removeHandler(handler)
    handler.close()
    return watch.figures(calls, path)


def _structlog(path: Path, calls: int, event: str, **values: Any) -> Figures:
    import structlog

    with open(path, "w") as file:
        logger = structlog.wrap_logger(
            structlog.WriteLogger(file),
            processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        ).bind()
        watch = Stopwatch()
        for _ in range(calls):
            logger.info(event, **values)
        watch.returned()
    return watch.figures(calls, path)


def _text_structlog(path: Path, calls: int) -> Figures:
    return _structlog(path, calls, _TEXT)


async def _mapping(rec: rr.RecordingStream, calls: int) -> None:
    for i in range(calls):
        rr.set_time("step", sequence=i)
        await rec.log("request", {"route": "/items", "status": 200, "seconds": i * 0.5})


def _mapping_rerun(rerun: Any, rec: Any, calls: int) -> None:
    for i in range(calls):
        rec.set_time("step", sequence=i)
        rec.log("request", rerun.AnyValues(route="/items", status=200, seconds=i * 0.5))


def _mapping_foxglove(foxglove: Any, context: Any, calls: int) -> None:
    channel = foxglove.Channel("request", context=context)
    for i in range(calls):
        channel.log({"route": "/items", "status": 200, "seconds": i * 0.5}, log_time=i)


def _mapping_structlog(path: Path, calls: int) -> Figures:
    return _structlog(path, calls, "request", route="/items", status=200, seconds=0.5)


async def _tasks(rec: rr.RecordingStream, calls: int) -> None:
    async def one(task: int) -> None:
        for i in range(calls // 8):
            rr.set_time("step", sequence=i)
            await rec.log(_PATHS[task], rr.Scalars(i * 0.5))

    async with asyncio.TaskGroup() as group:
        for task in range(8):
            group.create_task(one(task))


workload(
    "scalar", "scalar, one timeline set per row", 100_000, 5_000,
    asyncrr=asyncrr_file(_scalar), rerun=rerun_file(_scalar_rerun), foxglove=foxglove_file(_scalar_foxglove),
    raw=raw_file(lambda: struct.pack("<qd", 1, 0.5)),
)  # fmt: skip
workload(
    "scalar_100", "the same on 100 entities", 100_000, 5_000,
    asyncrr=asyncrr_file(_entities), rerun=rerun_file(_entities_rerun),
)  # fmt: skip
workload(
    "bound", "scalar through a bound entity", 100_000, 5_000,
    asyncrr=asyncrr_file(_bound), rerun=rerun_file(_scalar_rerun),
)  # fmt: skip
workload(
    "text", "line of text", 50_000, 3_000,
    asyncrr=asyncrr_file(_text), rerun=rerun_file(_text_rerun), foxglove=foxglove_file(_text_foxglove),
    logging=_text_logging, structlog=_text_structlog,
)  # fmt: skip
workload(
    "mapping", "mapping of 3 values", 10_000, 1_000,
    asyncrr=asyncrr_file(_mapping), rerun=rerun_file(_mapping_rerun), foxglove=foxglove_file(_mapping_foxglove),
    structlog=_mapping_structlog,
)  # fmt: skip
workload(
    "tasks", "scalars from 8 tasks at once", 100_000, 5_000,
    asyncrr=asyncrr_file(_tasks), rerun=rerun_file(_scalar_rerun),
)  # fmt: skip
