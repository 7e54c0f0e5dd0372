"""A TCP proxy on loopback that delays, slows down, slices, silences and cuts what passes through it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ChaosProxy", "Weather"]


@dataclass(frozen=True)
class Weather:
    """What happens to one connection.

    Attributes:
        delay: Seconds that each piece waits.
        bandwidth: Bytes a second, each way; 0 sets no limit.
        slice_bytes: How many bytes are passed on at once.
        cut_after: Bytes from the recorder after which the connection ends.
        is_reset: It ends by a reset, rather than in order.
        silence_up: Bytes from the recorder after which nothing more of it is passed on, without a word.
        silence_down: The same for what comes from the collector.
    """

    delay: float = 0.0
    bandwidth: int = 0
    slice_bytes: int = 2**16
    cut_after: int = sys.maxsize
    is_reset: bool = False
    silence_up: int = sys.maxsize
    silence_down: int = sys.maxsize


class ChaosProxy:
    """Forwards to a port of this machine.

    Args:
        port: Where to.
        weather: Makes the weather of each connection.

    Attributes:
        cuts: Connections that were cut in the midst of something.
    """

    def __init__(self, port: int, weather: Callable[[], Weather]) -> None:
        self.cuts = 0
        self._port = port
        self._weather = weather
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ChaosProxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        if self._connections:
            await asyncio.wait(self._connections)

    @property
    def url(self) -> str:
        """Where recordings connect."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def hang_up(self) -> None:
        """Cut all connections."""
        for connection in self._connections:
            connection.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        weather = self._weather()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
            pumps = [
                asyncio.create_task(self._pump(weather, reader, up_writer, weather.cut_after, weather.silence_up)),
                asyncio.create_task(self._pump(weather, up_reader, writer, sys.maxsize, weather.silence_down)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.wait(pumps)
                _end(up_writer, weather.is_reset)
        _end(writer, weather.is_reset)

    async def _pump(
        self, weather: Weather, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int, silence: int
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := await reader.read(2**16):
                if weather.delay:
                    await asyncio.sleep(weather.delay)
                for start in range(0, len(piece), weather.slice_bytes):
                    part = piece[start : start + min(weather.slice_bytes, max(limit - passed, 0))]
                    passed += len(part)
                    if passed <= silence:
                        writer.write(part)
                        await writer.drain()
                    if weather.bandwidth:
                        await asyncio.sleep(len(part) / weather.bandwidth)
                    if passed >= limit:
                        self.cuts += 1
                        return


def _end(writer: asyncio.StreamWriter, is_reset: bool) -> None:
    if is_reset:
        opened: socket.socket = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
