"""A recorder that speaks the protocol by hand, so that it can break it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from asyncrr.chunks import Chunk
from asyncrr.collector.server import Collector
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.sinks.websocket import INGEST_PATH
from asyncrr.wire import (
    Ack,
    Control,
    Frame,
    Hello,
    RecordingHeader,
    Welcome,
    decode_message,
    encode_chunk,
    encode_message,
)

SCALAR = ComponentDescriptor("Scalars:scalars", "float64")


def header(recording_id: str = "by hand", writer_id: str | None = None) -> RecordingHeader:
    """Of a recording."""
    return RecordingHeader("tests", recording_id, writer_id or uuid.uuid4().hex, 1_000)


def frame(sequence: int, count: int = 1, path: str = "x", is_static: bool = False, flags: int = 0) -> Frame:
    """A frame of `count` scalars, whose values are row numbers; frames of one writer have the same count."""
    first = max(sequence - 1, 0) * count
    rows = np.arange(first, first + count, dtype=np.uint64)
    column = Column(SCALAR, 1, rows.astype(np.float64))
    times = {} if is_static else {"step": ("sequence", rows.astype(np.int64))}
    chunk = Chunk(entity_path=path, row_numbers=rows, timelines=times, columns={SCALAR.id: column}, is_static=is_static)
    return encode_chunk(chunk, sequence, flags)


class Recorder:
    """One connection to a collector."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, *messages: Control | Frame | bytes | str) -> None:
        """Send messages; frames that follow one another go in one."""
        frames: list[bytes] = []
        for message in messages:
            if isinstance(message, Frame):
                frames.append(bytes(message))
                continue
            if frames:
                await self.connection.send(b"".join(frames))
                frames = []
            await self.connection.send(message if isinstance(message, bytes | str) else encode_message(message))
        if frames:
            await self.connection.send(b"".join(frames))

    async def hear(self) -> Control:
        """The next answer."""
        data = await self.connection.recv()
        assert isinstance(data, bytes)
        return decode_message(data)

    async def greet(self, of: RecordingHeader, first_sequence: int = 1) -> Welcome:
        """Begin a session."""
        await self.send(Hello(of, first_sequence))
        welcome = await self.hear()
        assert isinstance(welcome, Welcome)
        return welcome

    async def acknowledged(self, sequence: int) -> list[Control]:
        """Wait until so much is acknowledged; what was said besides."""
        said = []
        while True:
            message = await self.hear()
            if not isinstance(message, Ack):  # messages are tuples: another kind may be equal
                said.append(message)
            elif message.durable == sequence:
                return said

    async def closed(self) -> tuple[int | None, str]:
        """Wait until the collector closes; the code and reason that it gives."""
        try:
            while True:
                await self.connection.recv()
        except ConnectionClosed as error:
            return (None, "") if error.rcvd is None else (error.rcvd.code, error.rcvd.reason)


@contextlib.asynccontextmanager
async def recorder(collector: Collector, **settings: Any) -> AsyncIterator[Recorder]:
    """A connection to a collector."""
    async with connect(collector.url + INGEST_PATH, proxy=None, compression=None, max_size=None, **settings) as opened:
        yield Recorder(opened)
