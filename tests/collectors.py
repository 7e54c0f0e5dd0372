"""A collector as a process of its own that can be killed, and a wire to it that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncrr as rr
from asyncrr.collector.server import Collector
from asyncrr.collector.store import directory_name


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class CollectorProcess:
    """``asyncrr serve`` at one port and directory, started and killed as often as needed."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.facts: dict[str, Any] = {}
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = ["serve", "--json", "--dir", str(self.directory), "--port", str(self.port), *self._arguments]
        self._process = subprocess.Popen([sys.executable, "-m", "asyncrr", *command], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.facts = json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        """End it without a chance to do anything more."""
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.stdout.close()
            self._process.wait(10)
            self._process = None


@contextlib.contextmanager
def collector_process(directory: Path, *arguments: str) -> Iterator[CollectorProcess]:
    """A running collector process, gone at the end."""
    process = CollectorProcess(directory, *arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()


@contextlib.asynccontextmanager
async def collecting(directory: Path, **settings: Any) -> AsyncIterator[Collector]:
    """A collector inside this loop."""
    collector = Collector(directory, **({"port": 0} | settings))
    await collector.start()
    try:
        yield collector
    finally:
        await collector.aclose()


def stored(directory: Path, recording_id: str) -> Path:
    """Where a recording lies below a collector's directory."""
    return directory / directory_name(recording_id)


def stored_values(directory: Path, recording_id: str, path: str = "x") -> list[float]:
    """Every value of a scalar that the collector has of a recording, in the order of the writer."""
    where = stored(directory, recording_id)
    if not any(where.glob("*.arrd")):
        return []
    data = rr.read_recording(where)
    assert not data.gaps()
    rows = sorted(data.rows(path), key=lambda row: row.row_id)
    return [float(row.components["Scalars:scalars"][0]) for row in rows]


class CuttingProxy:
    """Forwards one port to another, in slices, and cuts each connection after so many bytes.

    Args:
        port: Where to forward to.
        limits: After how many bytes of a recorder's each connection is cut; after the last none is.
        slice_bytes: How many bytes are passed on at once.
    """

    def __init__(self, port: int, limits: list[int], slice_bytes: int) -> None:
        self.cuts = 0
        self._port = port
        self._limits = iter(limits)
        self._slice_bytes = slice_bytes
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    @property
    def url(self) -> str:
        """Where recordings connect."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
            limit = next(self._limits, sys.maxsize)
            pumps = [
                asyncio.create_task(self._pump(reader, up_writer, limit)),
                asyncio.create_task(self._pump(up_reader, writer, sys.maxsize)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.wait(pumps)
                up_writer.transport.abort()
        writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(2**16):
                if limit <= len(piece):
                    self.cuts += 1
                for start in range(0, min(len(piece), limit), self._slice_bytes):
                    writer.write(piece[start : min(start + self._slice_bytes, limit)])
                    await writer.drain()
                limit -= len(piece)
                if limit <= 0:
                    return
