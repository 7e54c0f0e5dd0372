"""What the harness runs as processes of their own: recorders, collectors and pushers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
import threading
import warnings
from multiprocessing.connection import Connection
from typing import Any

import asyncrr as rr
import asyncrr.cli.push
import asyncrr.cli.serve
import asyncrr.collector.server  # imported before the fork, so that a process starts at once
import asyncrr.sinks.spooling
from asyncrr.cli import app

SMALL = rr.BatchingConfig(flush_tick=0.002)


def row(writer: str, number: int) -> rr.AnyValues:
    """A row that carries its writer, its number and a digest of both."""
    told = hashlib.blake2b(f"{writer} {number}".encode(), digest_size=8).hexdigest()
    return rr.AnyValues(writer=writer, number=number, digest=told)


def sink_of(kind: str, target: str, spool: str | None = None) -> Any:
    """A sink by its name."""
    if kind == "file":
        return rr.FileSink(target)
    if kind == "disk":
        return rr.FileSink(target, "disk")
    if kind == "spool":
        assert spool is not None
        return asyncrr.sinks.spooling.SpoolSink(target, spool, segment_bytes=20_000, delays=often)
    return rr.WebSocketSink(target, delays=often)


def often() -> Any:
    return iter(lambda: 0.03, None)


def record(reports: Connection, kind: str, target: str, spool: str | None, writer: str, step: int = 7) -> None:
    """Log rows for ever, and report how many each flush covered."""
    _start()

    async def main() -> None:
        recording = rr.new_recording("faults", recording_id="faults", batching=SMALL)
        recording.set_sinks(sink_of(kind, target, spool))
        number = 0
        while True:
            for _ in range(step):
                await recording.log("rows", row(writer, number))
                number += 1
            try:
                await recording.flush(timeout=30)
            except rr.FlushError as error:
                reports.send(error)
                return
            reports.send(number)

    asyncio.run(main())


def serve(reports: Connection, arguments: list[str]) -> None:
    """Any command line; its first line of JSON is reported."""
    _start()
    reading, writing = os.pipe()
    os.dup2(writing, 1)
    sys.stdout = os.fdopen(1, "w", closefd=False)

    def tell() -> None:
        with os.fdopen(reading) as lines:
            if line := lines.readline():
                reports.send(json.loads(line))

    os.close(writing)
    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    code = app.run(arguments)
    sys.stdout.flush()
    os.close(1)
    telling.join(5)
    raise SystemExit(code)


def _start() -> None:
    """The parent's settings are not the program's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
