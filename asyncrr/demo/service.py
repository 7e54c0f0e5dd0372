"""A picture service that logs what it does: ``python -m asyncrr.demo.service COLLECTOR_URL``.

Its lifespan owns the recording; each request is in a scope of its own, with a time of its own. It ends when its
standard input does, and says with its last line what was logged and what the collector acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import logging
import os
import socket
import sys
import threading
import uuid
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import Response
from PIL import Image
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import asyncrr as rr
from asyncrr.demo.machine import read_counters, read_memory
from asyncrr.demo.photos import FILTERS, color_points, decode, photographs

__all__ = ["main", "make_service"]

_MACHINE_SECONDS = 0.5

logger: logging.Logger = logging.getLogger("service")


class Scoped:
    """ASGI middleware: a request has the recording as its scope, a number on the timeline ``request``, a latency."""

    def __init__(self, app: ASGIApp, recording: rr.RecordingStream) -> None:
        self._app = app
        self._recording = recording
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        async with self._recording:
            rr.set_time("request", sequence=next(self._numbers))
            begin = perf_counter()
            try:
                await self._app(scope, receive, noting_status)
            finally:
                route = scope["path"].strip("/").partition("/")[0] or "root"
                await rr.log(["requests", route, "seconds"], rr.Scalars(perf_counter() - begin))
                await rr.log(["requests", route, "status"], rr.Scalars(status))


def make_service(recording: rr.RecordingStream, collector_url: str) -> FastAPI:
    """The service.

    Args:
        recording: Where it logs; its lifespan opens and closes it.
        collector_url: Where the recording goes.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with recording:
            await recording.connect(collector_url)
            await recording.log("requests", rr.TextDocument("Requests to the demo's service"), static=True)
            for place, name in enumerate(files):
                await recording.log(["colors", name], rr.Transform3D(translation=[1.3 * place, 0, 0]), static=True)
                cube = rr.Boxes3D(centers=[[0.5] * 3], half_sizes=[[0.5] * 3], colors=[[120, 130, 145]], labels=[name])
                await recording.log(["colors", name, "cube"], cube, static=True)
            machine = asyncio.create_task(_log_machine())
            yield
            machine.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await machine
            await recording.flush()

    service = FastAPI(lifespan=lifespan)
    service.add_middleware(Scoped, recording=recording)
    files = photographs()

    @service.get("/photos/{name}/{filter_name}")
    async def process(name: str, filter_name: str) -> Response:
        """A photograph after a filter; both pictures are logged, from the thread that does the work."""
        if name not in files or filter_name not in FILTERS:
            logger.warning("no photograph %r with filter %r", name, filter_name)
            raise HTTPException(404)
        jpeg = await asyncio.to_thread(_process, name, filter_name)
        logger.info("%s through %s: %d bytes", name, filter_name, len(jpeg))
        return Response(jpeg, media_type="image/jpeg")

    def _process(name: str, filter_name: str) -> bytes:
        begin = perf_counter()
        before = decode(files[name])
        after = FILTERS[filter_name](before)
        jpeg = _as_jpeg(after)
        rr.log(["photos", name, "before"], rr.EncodedImage(contents=_as_jpeg(before), media_type="image/jpeg"))
        rr.log(["photos", name, "after"], rr.EncodedImage(contents=jpeg, media_type="image/jpeg"))
        rr.log(["colors", name], color_points(after))
        rr.log(["photos", name, "seconds"], rr.Scalars(perf_counter() - begin))
        return jpeg

    @service.get("/primes/{limit}")
    def primes(limit: int) -> dict[str, int]:
        """How many primes lie below a limit; a plain function, so that it runs in a worker thread."""
        if not 0 <= limit <= 100_000:
            logger.error("primes below %d were asked for, at most 100000 are allowed", limit)
            raise HTTPException(422)
        sieve = bytearray([1]) * max(2, limit)
        sieve[:2] = b"\0\0"
        for number in range(2, int(limit**0.5) + 1):
            if sieve[number]:
                sieve[number * number :: number] = bytes(len(range(number * number, len(sieve), number)))
        rr.log("primes/found", rr.Scalars(sum(sieve)))
        return {"limit": limit, "primes": sum(sieve)}

    @service.get("/stats")
    async def stats() -> dict[str, Any]:
        """What was logged and acknowledged so far."""
        return _stats(recording)

    return service


def _as_jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=60)
    return written.getvalue()


async def _log_machine() -> None:
    before = read_counters()
    while before is not None:
        await asyncio.sleep(_MACHINE_SECONDS)
        now = read_counters()
        if now is None:
            return
        used, total = read_memory()
        await rr.log("machine/cpu", rr.Scalars(now.load_since(before)))
        await rr.log("machine/memory", rr.Scalars(used / total))
        received = (now.received_bytes - before.received_bytes) / _MACHINE_SECONDS
        sent = (now.sent_bytes - before.sent_bytes) / _MACHINE_SECONDS
        await rr.log("machine/network", rr.Scalars([received, sent]))
        before = now


def _stats(recording: rr.RecordingStream) -> dict[str, Any]:
    stats = recording.stats()
    return {
        "logged": stats.logged,
        "acknowledged": stats.delivered,
        "acknowledged_bytes": stats.delivered_bytes,
        "dropped": stats.dropped,
        "status": stats.status,
    }


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(collector_url: str) -> None:
    """Serve on a free port of this machine until standard input ends."""
    recording = rr.new_recording("asyncrr_demo", recording_id=uuid.uuid4(), make_default=True)
    root = logging.getLogger()
    root.addHandler(rr.LoggingHandler("logs"))
    root.setLevel(logging.INFO)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    server = uvicorn.Server(uvicorn.Config(make_service(recording, collector_url), log_config=None))

    def stop_at_end_of_input() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    port = listener.getsockname()[1]
    _say(url=f"http://127.0.0.1:{port}", pid=os.getpid(), recording_id=recording.recording_id)
    server.run(sockets=[listener])
    _say(**_stats(recording))


if __name__ == "__main__":
    main(sys.argv[1])
