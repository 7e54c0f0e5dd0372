"""Small rows: scalars, text, mappings."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from pathlib import Path
from typing import Any

import asyncrr as rr
from benchmarks.measure import Figures, Stopwatch, workload
from benchmarks.peers import asyncrr_file, asyncrr_zstd, foxglove_file, raw_file, rerun_file

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


_HZ = 30
_JOINTS = 200


async def _ticks(rec: rr.RecordingStream, calls: int) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for i in range(calls):
        rr.set_time("step", sequence=i)
        for joint in range(_JOINTS):
            await rec.log(f"robot/joint_{joint}/torque", rr.Scalars(i * 0.5))
        await asyncio.sleep(max(0.0, start + (i + 1) / _HZ - loop.time()))


def _ticks_rerun(rerun: Any, rec: Any, calls: int) -> None:
    start = time.perf_counter()
    for i in range(calls):
        rec.set_time("step", sequence=i)
        for joint in range(_JOINTS):
            rec.log(f"robot/joint_{joint}/torque", rerun.Scalars(i * 0.5))
        time.sleep(max(0.0, start + (i + 1) / _HZ - time.perf_counter()))


def _ticks_foxglove(foxglove: Any, context: Any, calls: int) -> None:
    schema = foxglove.Schema(name="f64", encoding="ros2msg", data=b"float64 value")
    channels = [
        foxglove.Channel(f"robot/joint_{joint}/torque", schema=schema, message_encoding="cdr", context=context)
        for joint in range(_JOINTS)
    ]
    pack = struct.Struct("<Id").pack
    start = time.perf_counter()
    for i in range(calls):
        for channel in channels:
            channel.log(pack(256, i * 0.5), log_time=i)
        time.sleep(max(0.0, start + (i + 1) / _HZ - time.perf_counter()))


def _scalar_mcap(path: Path, calls: int) -> Figures:
    from mcap.writer import Writer

    pack = struct.Struct("<Id").pack
    watch = Stopwatch()
    with open(path, "wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema(name="f64", encoding="ros2msg", data=b"float64 value")
        channel = writer.register_channel(topic="train/loss", message_encoding="cdr", schema_id=schema)
        for i in range(calls):
            writer.add_message(channel, log_time=i, data=pack(256, i * 0.5), publish_time=i)
        watch.returned()
        writer.finish()
    return watch.figures(calls, path)


def _text_loguru(path: Path, calls: int) -> Figures:
    from loguru import logger

    logger.remove()
    sink = logger.add(path, enqueue=True, format="{time} {level} {message}")
    watch = Stopwatch()
    for _ in range(calls):
        logger.info(_TEXT)
    watch.returned()
    logger.remove(sink)
    return watch.figures(calls, path)


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
    zstd=asyncrr_zstd(_scalar), mcap=_scalar_mcap, raw=raw_file(lambda: struct.pack("<qd", 1, 0.5)),
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
    zstd=asyncrr_zstd(_text), logging=_text_logging, structlog=_text_structlog, loguru=_text_loguru,
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
workload(
    "ticks", "200 entities, 30 times a second", 90, 6,
    asyncrr=asyncrr_file(_ticks, _JOINTS), rerun=rerun_file(_ticks_rerun, _JOINTS),
    foxglove=foxglove_file(_ticks_foxglove, _JOINTS),
)  # fmt: skip
